"""Tokens that this service gets: its own by client credentials, and others' by token exchange."""

import asyncio
import collections
import dataclasses
import time

from . import outbound
from .verifier import Refused

MOST_TOKENS = 10_000
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"


@dataclasses.dataclass(frozen=True)
class Token:
    value: str = dataclasses.field(repr=False)
    renew_at: float
    expires_at: float


class TokenEndpoint:
    def __init__(self, client, url, credentials):
        self._client, self._url, self._credentials = client, url, credentials

    async def client_credentials(self, resource, scope):
        answer = await self._post(
            {"grant_type": "client_credentials", "resource": resource, "scope": scope})
        return token_of(answer)

    async def exchange(self, subject_token, resource, scope):
        answer = await self._post(
            {"grant_type": EXCHANGE, "subject_token": subject_token,
             "subject_token_type": ACCESS_TOKEN, "resource": resource, "scope": scope})
        if answer.status_code == 400 and answer.json().get("error") == "invalid_request":
            raise Refused(401, "invalid_token")  # grantd knows already that the caller's has ended
        return token_of(answer)

    async def _post(self, form):
        return await outbound.send(self._client, "POST", self._url, data=form,
                                   auth=self._credentials)


def token_of(answer):
    if answer.status_code != 200:
        raise outbound.Unavailable(502, f"/token answers {answer.status_code}")
    now, body = time.time(), answer.json()
    life = body["expires_in"]
    return Token(body["access_token"], now + life - min(30, life / 5), now + life)


class TokenCache:
    """Tokens by key, the least recently used ones forgotten. Whoever asks while one is being
    fetched waits for that one."""

    def __init__(self):
        self._tokens = collections.OrderedDict()
        self._fetching = {}

    async def get(self, key, fetch):
        token, now = self._tokens.get(key), time.time()
        if token and now < token.renew_at:
            self._tokens.move_to_end(key)
            return token.value
        if key not in self._fetching:
            self._fetching[key] = asyncio.create_task(self._fetch(key, fetch))
        try:
            # Shielded: a caller that goes away does not take the others' token along.
            return (await asyncio.shield(self._fetching[key])).value
        except outbound.Unavailable:
            if token and now < token.expires_at:
                return token.value  # not renewed, and good for a while yet
            raise

    def drop(self, key, value):
        """Unless another has taken its place already."""
        if key in self._tokens and self._tokens[key].value == value:
            del self._tokens[key]

    async def _fetch(self, key, fetch):
        try:
            token = self._tokens[key] = await fetch()
            while len(self._tokens) > MOST_TOKENS:
                self._tokens.popitem(last=False)
            return token
        finally:
            del self._fetching[key]
