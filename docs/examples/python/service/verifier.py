"""Checks a caller's token without asking anybody."""

import dataclasses
from typing import Annotated

import jwt
from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from .outbound import Unavailable

TYPES = ("at+jwt", "application/at+jwt")  # RFC 9068 §4
LEEWAY_SECONDS = 1


class Refused(Exception):
    """Becomes the answer of RFC 6750 §3."""

    def __init__(self, status, error):
        super().__init__(error)
        self.status, self.error = status, error


@dataclasses.dataclass(frozen=True)
class Caller:
    token: str = dataclasses.field(repr=False)
    claims: dict


class Verifier:
    def __init__(self, settings, keys, feed):
        self._issuer, self._audience = settings.issuer, settings.audience
        self._keys, self._feed = keys, feed

    async def verify(self, token, scope):
        """The caller; raises Refused, or Unavailable before we know at all what was revoked."""
        if not self._feed.loaded:
            raise Unavailable(503, "the revocations are not loaded yet")
        try:
            header = jwt.get_unverified_header(token)
            key = await self._keys.get(header.get("kid"))
            if key is None or str(header.get("typ")).lower() not in TYPES:
                raise Refused(401, "invalid_token")
            claims = jwt.decode(
                token, key, algorithms=["RS256"], issuer=self._issuer, audience=self._audience,
                leeway=LEEWAY_SECONDS, options={"require": ["iss", "aud", "exp", "iat", "sub", "jti"]})
        except jwt.PyJWTError as error:
            raise Refused(401, "invalid_token") from error
        if self._feed.revokes(claims, header["kid"]):
            raise Refused(401, "invalid_token")
        if scope not in claims.get("scope", "").split():
            raise Refused(403, "insufficient_scope")
        return Caller(token, claims)

    def needs(self, scope):
        """A type for a route's parameter: the caller, who has this scope."""
        bearer = HTTPBearer(auto_error=False)

        async def caller(
            credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
        ) -> Caller:
            if credentials is None:
                raise Refused(401, "invalid_token")
            return await self.verify(credentials.credentials, scope)

        return Annotated[Caller, Depends(caller)]
