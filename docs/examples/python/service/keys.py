"""grantd's public keys: read again after the answer's max-age, and at once for an unknown kid."""

import asyncio
import logging
import re
import time

import jwt

from . import outbound

LONGEST_PAUSE_SECONDS = 5
COOL_DOWN_SECONDS = 2  # between look-ups of unknown kids, else anybody could make us hammer grantd
DEFAULT_AGE_SECONDS = 300


class Keys:
    def __init__(self, client, url):
        self._client, self._url = client, url
        self._keys = {}
        self._asked = -COOL_DOWN_SECONDS
        self._asking = asyncio.Lock()

    @property
    def loaded(self):
        return bool(self._keys)

    async def get(self, kid):
        """The key, or None."""
        if kid not in self._keys and isinstance(kid, str):
            async with self._asking:  # those who wait here find what the first one brought
                cool = time.monotonic() - self._asked >= COOL_DOWN_SECONDS
                if kid not in self._keys and cool:
                    try:
                        await self._fetch()
                    except (outbound.Unavailable, ValueError) as error:
                        logging.warning("jwks: %s", error)
        return self._keys.get(kid)

    async def run(self):
        """Keeps them fresh for ever; a failure leaves what is there."""
        failures = 0
        while True:
            try:
                async with self._asking:
                    age = await self._fetch()
                failures = 0
                await asyncio.sleep(max(age, 1))
            except (outbound.Unavailable, ValueError) as error:
                logging.warning("jwks: %s", error)
                failures += 1
                await asyncio.sleep(outbound.backoff(failures, LONGEST_PAUSE_SECONDS))

    async def _fetch(self):
        self._asked = time.monotonic()
        answer = await outbound.send(self._client, "GET", self._url)
        if answer.status_code != 200:
            raise ValueError(f"{self._url} answers {answer.status_code}")
        self._keys = {
            key["kid"]: jwt.PyJWK.from_dict(key, "RS256")
            for key in answer.json()["keys"]
            if key.get("kty") == "RSA" and key.get("use", "sig") == "sig" and "kid" in key
        }
        age = re.search(r"max-age=(\d+)", answer.headers.get("Cache-Control", ""))
        return int(age[1]) if age else DEFAULT_AGE_SECONDS
