"""What was revoked: a long poll holds grantd's revocation feed open, and each answer is merged."""

import asyncio
import logging
import time

import httpx
import jwt

from . import outbound

WAIT_SECONDS = 30
ANSWER_SECONDS = 10       # beyond what it waits for us
LONGEST_PAUSE_SECONDS = 5
STALE_SECONDS = 60        # without an answer for so long, we are not ready


class Feed:
    def __init__(self, client, url, credentials, issuer, keys):
        self._client, self._url, self._credentials = client, url, credentials
        self._issuer, self._keys = issuer, keys
        self._seq = None      # the cursor: nothing that changed behind it is missed
        self._revoked = {}    # jti -> when it may be forgotten
        self._not_before = {}  # client id -> {"iat", "exp"}
        self._not_before_all = None
        self._kids = frozenset()
        self._heard = None

    @property
    def loaded(self):
        return self._heard is not None

    @property
    def fresh(self):
        return self.loaded and time.monotonic() - self._heard < STALE_SECONDS

    def revokes(self, claims, kid):
        """Whether a token of these verified claims, signed with `kid`, is to be refused."""
        if kid in self._kids:
            return True
        if claims["jti"] in self._revoked or claims.get("root_jti") in self._revoked:
            return True
        limits = [self._not_before.get(party) for party in parties(claims)]
        return any(limit and claims["iat"] <= limit["iat"]
                   for limit in [*limits, self._not_before_all])

    async def run(self):
        """For ever. The cursor stays where it was while grantd is away, and the first question after that
        does not wait, so that we soon know that we are fresh again. Where an answer says that there is
        `more`, the next question is answered at once, whatever it would wait."""
        failures = 0
        while True:
            try:
                await self._ask(wait=0 if failures else WAIT_SECONDS)
                failures = 0
            except (httpx.HTTPError, jwt.PyJWTError, ValueError, KeyError) as error:
                logging.warning("revocations: %r", error)
                failures += 1
                await asyncio.sleep(outbound.backoff(failures, LONGEST_PAUSE_SECONDS))

    async def _ask(self, wait):
        cursor = {} if self._seq is None else {"since": self._seq, "wait": wait}
        answer = await self._client.get(
            self._url, params=cursor, auth=self._credentials,
            timeout=httpx.Timeout(5, read=WAIT_SECONDS + ANSWER_SECONDS))
        if answer.status_code != 200:
            raise ValueError(f"{self._url} answers {answer.status_code}")
        self._merge(await self._verified(answer.text))
        self._heard = time.monotonic()

    async def _verified(self, text):
        header = jwt.get_unverified_header(text)
        key = await self._keys.get(header.get("kid"))
        if header.get("typ") != "revocations+jwt" or key is None:
            raise ValueError("not a revocation document, or signed by nobody we know")
        return jwt.decode(text, key, algorithms=["RS256"], issuer=self._issuer)

    def _merge(self, document):
        if document["full"]:
            self._revoked, self._not_before, self._not_before_all = {}, {}, None
        self._revoked |= document["revoked"]
        self._not_before |= document["not_before"]
        self._not_before_all = document.get("not_before_all", self._not_before_all)
        self._kids = frozenset(document["kids"])
        self._seq = document["seq"]
        now = time.time()
        self._revoked = {jti: end for jti, end in self._revoked.items() if end > now}
        self._not_before = {who: limit for who, limit in self._not_before.items()
                            if limit["exp"] > now}


def parties(claims):
    """Whose revocation takes this token along: its client, its subject, all who act."""
    return [claims.get("client_id"), claims["sub"], *actors(claims)]


def actors(claims):
    """The outermost first (RFC 8693 §4.1)."""
    found, actor = [], claims.get("act")
    while actor:
        found.append(actor["sub"])
        actor = actor.get("act")
    return found
