"""HTTPS to others: one authority, time-outs, a bounded pool, and a retry where nothing was done yet."""

import asyncio
import random
import ssl

import httpx

TRIES = 3
PAUSE_SECONDS = 0.1


class Unavailable(Exception):
    """Somebody we need did not answer as hoped; `status` is what our own caller gets."""

    def __init__(self, status, reason):
        super().__init__(reason)
        self.status = status


def new_client(settings):
    return httpx.AsyncClient(
        verify=ssl.create_default_context(cafile=settings.ca_file),
        timeout=httpx.Timeout(5, connect=2, pool=2),
        # Idle connections are left before the other side leaves them: no request meets a closed one.
        limits=httpx.Limits(max_connections=50, max_keepalive_connections=20, keepalive_expiry=3),
        trust_env=False,
    )


def backoff(failures, most):
    """Seconds to pause: twice as long each time, `most` at most, with jitter."""
    return min(most, PAUSE_SECONDS * 2**failures) * random.uniform(0.5, 1)


async def send(client, method, url, **arguments):
    """The answer, whatever its status but 503. Another try is made only where the request cannot
    have had an effect: no connection, or 503."""
    for failures in range(TRIES):
        try:
            answer = await client.request(method, url, **arguments)
            if answer.status_code != 503:
                return answer
            problem = Unavailable(503, f"{url} answers 503")
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            problem = Unavailable(502, f"{url}: {error!r}")
        except httpx.TimeoutException as error:
            raise Unavailable(504, f"{url}: {error!r}") from error
        except httpx.HTTPError as error:
            raise Unavailable(502, f"{url}: {error!r}") from error
        if failures + 1 < TRIES:
            await asyncio.sleep(backoff(failures, PAUSE_SECONDS * 4))
    raise problem
