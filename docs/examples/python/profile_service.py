"""ProfileService: answers whoever has a token for it, and says who that is and who acts."""

from typing import Annotated

from fastapi import Path

from service.feed import actors
from service.server import Service

service = Service()

Caller = service.verifier.needs("profiles:read")
Id = Annotated[str, Path(pattern="^[A-Za-z0-9_-]{1,64}$")]


@service.app.get("/profiles/{id}")
async def profile(id: Id, caller: Caller):
    return {"id": id, "name": f"User {id}", "sub": caller.claims["sub"],
            "client_id": caller.claims["client_id"], "actors": actors(caller.claims)}


service.run()
