"""Revocations, and how soon every service notices."""

import time

from .failure import until
from .load import Load
from .scenario import FEED_BOUND, RECONNECT, SLACK, refused_within, scenarios
from .system import PROFILES, USERS

BOUND = FEED_BOUND + SLACK
AWAY_SECONDS = 3
# After a compromised key: the new one is in nobody's cache yet, and look-ups have a cool-down.
RECOVERY_SECONDS = 10

REVOCATIONS = []
scenario = scenarios(REVOCATIONS)


def derived(system, token):
    """What user-service makes of the caller's token, to be shown to profile-service directly."""
    return system.grantd.exchange(system.services["user-service"].client, token, PROFILES,
                                  "profiles:read")


def pair(system, root, made):
    """Attempts at both services: with the caller's token, and with the one made of it."""
    return (("user-service", lambda: system.get("user-service", "/users/1", root)),
            ("profile-service", lambda: system.get("profile-service", "/profiles/1", made)))


def usable(system, caller):
    """A caller's token and the one made of it, both shown to work."""
    root = system.grantd.token(caller)
    made = derived(system, root)
    system.expect(200, "user-service", "/users/1", root)
    system.expect(200, "profile-service", "/profiles/1", made)
    return root, made


@scenario("A revoked token is refused everywhere, and so is the one that was made of it")
def revoked(system):
    root, made = usable(system, system.caller)
    another, its_own = usable(system, system.caller)
    since = system.grantd.revoke(system.caller, root)
    note = refused_within(BOUND, since, *pair(system, root, made))
    system.expect(200, "user-service", "/users/1", another)
    system.expect(200, "profile-service", "/profiles/1", its_own)
    return note


@scenario("A disabled client's tokens are refused everywhere")
def disabled(system):
    leaver = system.grantd.create_client(
        "leaver", "--scope", "users:read profiles:read", "--audience", USERS)
    root, made = usable(system, leaver)
    system.grantd.command("client", "disable", "leaver")
    return refused_within(BOUND, time.monotonic(), *pair(system, root, made))


@scenario("A service whose own tokens were revoked fetches new ones")
def own_tokens_revoked(system):
    root, made = usable(system, system.caller)
    system.expect(200, "user-service", "/users/1/summary", root)
    system.grantd.command("token", "revoke", "--client", "user-service")
    since = time.monotonic()
    note = refused_within(BOUND, since, pair(system, root, made)[1])
    # A token of the very second of the revocation counts as issued before it.
    for path in ("/users/1", "/users/1/summary"):
        until(f"answer of {path} with a new token",
              lambda: system.get("user-service", path, root).status == 200, BOUND + 1)
    return note


@scenario("A leaked key's tokens are refused everywhere, and tokens of the next key are taken")
def leaked_key(system):
    root, made = usable(system, system.caller)
    system.grantd.command("key", "retire", system.grantd.signing_kid(), "--now")
    since = time.monotonic()
    note = refused_within(BOUND, since, *pair(system, root, made))
    for path in ("/users/1", "/users/1/summary"):
        until(f"answer of {path} under the next key",
              lambda: system.get("user-service", path,
                                 system.grantd.token(system.caller)).status == 200,
              RECOVERY_SECONDS, every=0.2)
    return f"{note}; the next key's taken after {time.monotonic() - since:.1f} s"


@scenario("While grantd is away live tokens keep working, and no revocation is missed after it")
def restart(system):
    root, made = usable(system, system.caller)
    system.expect(200, "user-service", "/users/1/summary", root)
    early, of_early = usable(system, system.caller)
    refused_within(BOUND, system.grantd.revoke(system.caller, early), *pair(system, early, of_early))
    while_away, its_own = usable(system, system.caller)
    once_back, of_that = usable(system, system.caller)
    system.grantd.stop()
    try:
        with Load(lambda: system.expect(200, "user-service", "/users/1", root),
                  lambda: system.expect(200, "user-service", "/users/1/summary", root),
                  lambda: system.expect(200, "profile-service", "/profiles/1", made)) as load:
            system.grantd.revoke_by_command(while_away)
            time.sleep(AWAY_SECONDS)
    finally:
        system.grantd.start()
    since = system.grantd.revoke(system.caller, once_back)
    bound = RECONNECT + BOUND
    first = refused_within(bound, since, *pair(system, while_away, its_own))
    second = refused_within(bound, since, *pair(system, once_back, of_that))
    refused_within(0, since, *pair(system, early, of_early))
    system.expect(200, "user-service", "/users/1", root)
    return f"{load.made} requests without it; revoked meanwhile: {first}; afterwards: {second}"
