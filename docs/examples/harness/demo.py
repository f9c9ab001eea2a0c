"""One request on its way through user-service, token exchange and profile-service, step by step."""

import json
import time

from . import jwt
from .revocations import derived
from .scenario import refused_within


def say(text=""):
    print(text, flush=True)


def step(number, text):
    say(f"\n{number}. {text}")


def show(document):
    for line in json.dumps(document, indent=2).splitlines():
        say("   " + line)


def walk(system):
    """Tokens are shown by their claims; the text itself stays here."""
    step(1, f"The caller gets a token from {system.grantd.issuer}/token (client credentials)")
    token = system.grantd.token(system.caller)
    show(jwt.claims(token))

    step(2, "It calls user-service: GET /users/42, which turns that token into one for profile-service "
            "(token exchange) and calls GET /profiles/42 with it")
    before = len(system.grantd.log())
    show(system.expect(200, "user-service", "/users/42", token).json())

    step(3, "The token that user-service used inside has claims like these: narrower, and `act` names who acts")
    show(jwt.claims(derived(system, token)))

    step(4, "GET /users/42/summary: the same with user-service's own token")
    show(system.expect(200, "user-service", "/users/42/summary", token).json())

    step(5, "What grantd saw meanwhile; the long polls of the revocation feed go on beside it")
    for entry in system.grantd.requests(before):
        say("   " + "  ".join(str(entry.get(name, "-")) for name in
                              ("endpoint", "client_id", "status", "duration_us")) + " us")

    step(6, "The caller's token is revoked; nobody asks grantd for each request, yet soon it is refused")
    since = system.grantd.revoke(system.caller, token)
    say("   Refused by " + refused_within(30, since, (
        "user-service", lambda: system.get("user-service", "/users/42", token))))


def keep(system):
    """How to call by hand, then until Ctrl-C."""
    secret = system.caller.secret_file
    say(f"""
To try by hand (the logs are in {system.directory}):

  CA={system.authority.certificate}
  TOKEN=$(curl -s --cacert $CA -u "caller:$(cat {secret})" -d grant_type=client_credentials {system.grantd.issuer}/token | jq -r .access_token)
  curl -s --cacert $CA -H "Authorization: Bearer $TOKEN" {system.url("user-service", "/users/42")}
  curl -s --cacert $CA -H "Authorization: Bearer $TOKEN" {system.url("user-service", "/users/42/summary")}

grantd's commands take --config {system.directory}/grantd.json. Ctrl-C stops everything.""")
    while True:
        time.sleep(3600)
