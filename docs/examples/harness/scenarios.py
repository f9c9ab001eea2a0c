"""What every pair of services must go through: the ordinary request, and time passing under it."""

import time

from .failure import check, until
from .load import Load
from .refusals import REFUSALS
from .revocations import REVOCATIONS
from .scenario import at_once, scenarios
from .system import LONG_LIFE, SHORT_LIFE, USERS

LIVES_WATCHED = 2.5
ROTATION_SECONDS = 15
RENEWAL_SECONDS = 15  # until a service serves a certificate that was laid in its place

ORDINARY, ENDING = [], []
ordinary = scenarios(ORDINARY)
ending = scenarios(ENDING)


@ordinary("Concurrent callers share one token of the service's own, which is then cached")
def shared_token(system):
    """The first of all: user-service has no token yet."""
    token = system.grantd.token(system.caller)
    for _ in range(3):
        at_once(8, lambda: system.expect(200, "user-service", "/users/1/summary", token))
    fetched = tokens_fetched(system, since=0)
    check(fetched == 1, f"24 calls fetched {fetched} tokens")


@ordinary("The request travels through, with an exchanged token and with the service's own")
def ordinary_request(system):
    token = system.grantd.token(system.caller)
    exchanged = system.expect(200, "user-service", "/users/42", token).json()
    check_answer(exchanged, "exchange", sub="caller", actors=["user-service"])
    own = system.expect(200, "user-service", "/users/42/summary", token).json()
    check_answer(own, "client_credentials", sub="user-service", actors=[])


def check_answer(answer, via, sub, actors):
    profile = answer["profile"]
    found = {"id": answer["id"], "via": answer["via"], "profile id": profile["id"],
             "sub": profile["sub"], "client_id": profile["client_id"],
             "actors": profile["actors"]}
    expected = {"id": "42", "via": via, "profile id": "42", "sub": sub,
                "client_id": "user-service", "actors": actors}
    check(found == expected, f"answered {found}, not {expected}")
    check(profile["name"], "the profile has no name")


@ordinary("An expired token is refused, and the service renews its own before they expire")
def expiry(system):
    brief = system.grantd.create_client(
        "brief", "--scope", "users:read", "--audience", USERS, "--token-lifetime", "2s")
    token = system.grantd.token(system.caller)
    before, started = len(system.grantd.log()), time.monotonic()
    with Load(lambda: system.expect(200, "user-service", "/users/7", token),
              lambda: system.expect(200, "user-service", "/users/7/summary", token)) as load:
        short = system.grantd.token(brief)
        system.expect(200, "user-service", "/users/7/summary", short)
        until("refusal of the expired token",
              lambda: system.get("user-service", "/users/7/summary", short).status == 401, 4)
        time.sleep(max(0, started + LIVES_WATCHED * SHORT_LIFE - time.monotonic()))
    fetched = tokens_fetched(system, before)
    # Two kinds of token, each renewed at least once and never in the first half of its life.
    most = 2 * (2 * LIVES_WATCHED + 1)
    check(4 <= fetched <= most, f"user-service fetched {fetched} tokens, not 4 to {most:g}")
    system.grantd.command("client", "update", "user-service", "--token-lifetime", f"{LONG_LIFE}s")
    return f"{load.made} requests over {LIVES_WATCHED:g} lives of {SHORT_LIFE} s, {fetched} tokens"


@ordinary("Signing keys rotate under load without a failed request")
def rotation(system):
    old_token, old_kid = system.grantd.token(system.caller), system.grantd.signing_kid()

    def call(path):
        return lambda: system.expect(200, "user-service", path, system.grantd.token(system.caller))

    with Load(call("/users/1"), call("/users/1/summary")) as load:
        system.grantd.command("key", "generate")
        until("new signing key", lambda: system.grantd.signing_kid() != old_kid, ROTATION_SECONDS)
        time.sleep(2)
    system.expect(200, "user-service", "/users/1", old_token)
    return f"{load.made} requests"


@ordinary("A service's certificate is renewed without a restart or a failed request")
def certificates(system):
    token = system.grantd.token(system.caller)
    notes = []
    with Load(lambda: system.expect(200, "user-service", "/users/1", token),
              lambda: system.expect(200, "user-service", "/users/1/summary", token)) as load:
        for role in ("profile-service", "user-service"):
            new, since = system.authority.issue(role), time.monotonic()
            until(f"new certificate of {role}",
                  lambda: int(system.get(role, "/healthz").serial, 16) == int(new, 16),
                  RENEWAL_SECONDS)
            notes.append(f"{role} after {time.monotonic() - since:.1f} s")
    return f"{load.made} requests; " + ", ".join(notes)


@ending("Without profile-service, user-service answers with an error of its own in time")
def downstream_away(system):
    token = system.grantd.token(system.caller)
    system.expect(200, "user-service", "/users/1", token)
    system.stop_service("profile-service")
    for path in ("/users/1", "/users/1/summary"):
        answer = system.get("user-service", path, token)
        check(answer.status in (502, 503, 504), f"{path} answered {answer.status}")
        check("error" in answer.json(), f"{path}: the body names no error")


def works(system, path, token):
    return system.get("user-service", path, token).status == 200


def tokens_fetched(system, since):
    """By user-service, behind character `since` of grantd's log."""
    return sum(1 for entry in system.grantd.requests(since)
               if entry["endpoint"] == "token" and entry.get("client_id") == "user-service")


# Their order counts: `expiry` ends with long lives, which a grantd that is away needs; forged kids
# come late, for they use up what a service allows itself in look-ups of the JWKS.
SCENARIOS = [*ORDINARY, *REVOCATIONS, *REFUSALS, *ENDING]
