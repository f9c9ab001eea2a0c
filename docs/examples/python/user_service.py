"""UserService: asks ProfileService in its caller's name (token exchange), or in its own."""

from typing import Annotated

from fastapi import Path

from service.outbound import Unavailable, send
from service.server import Service
from service.tokens import TokenCache, TokenEndpoint

SCOPE = "profiles:read"

service = Service()
settings = service.settings
token_endpoint = TokenEndpoint(service.client, settings.endpoint("/token"), settings.credentials)
tokens = TokenCache()

Caller = service.verifier.needs("users:read")
Id = Annotated[str, Path(pattern="^[A-Za-z0-9_-]{1,64}$")]


@service.app.get("/users/{id}")
async def user(id: Id, caller: Caller):
    async def fetch():
        return await token_endpoint.exchange(caller.token, settings.profile_audience, SCOPE)

    # A jti names one token: that it was verified, we know.
    profile = await profile_of(id, caller.claims["jti"], fetch)
    return {"id": id, "via": "exchange", "profile": profile}


@service.app.get("/users/{id}/summary")
async def summary(id: Id, caller: Caller):
    async def fetch():
        return await token_endpoint.client_credentials(settings.profile_audience, SCOPE)

    profile = await profile_of(id, "our own", fetch)
    return {"id": id, "via": "client_credentials", "profile": profile}


async def profile_of(id, key, fetch):
    """With a token from the cache; where that one was refused, once more with a fresh one."""
    for _ in range(2):
        token = await tokens.get(key, fetch)
        answer = await send(service.client, "GET", f"{settings.profile_url}/profiles/{id}",
                            headers={"Authorization": f"Bearer {token}"})
        if answer.status_code != 401:
            break
        tokens.drop(key, token)
    if answer.status_code != 200:
        raise Unavailable(502, f"profile-service answers {answer.status_code}")
    return answer.json()


service.run()
