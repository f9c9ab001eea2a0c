"""Every gateway's scenarios, and those of the gateway that trades opaque handles for signed tokens."""

import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "gateways"))
import gateway_scenarios as gateway  # noqa: E402
from harness.failure import check, until  # noqa: E402
from harness.scenario import refused_within, scenarios  # noqa: E402
from harness.system import PROFILES  # noqa: E402

TRADING = gateway.TRADING
TRADES = []
scenario = scenarios(TRADES)


def handle(system, name="outsider", *options, scope=None):
    """A token that says nothing to whoever holds it. The gateway may trade it into PROFILES."""
    made = system.__dict__.setdefault("outsiders", {})
    if not made:
        made["outsider"] = allow_trade(system)
    if name not in made:
        made[name] = outsider(system, name, *options)
    token = system.grantd.token(made[name], scope=scope)
    check(token.startswith("gdt_"), "the token is no opaque handle")
    return token


def outsider(system, name, *options):
    return system.grantd.create_client(name, "--scope", f"{gateway.SCOPE} other:read",
                                       "--audience", system.services[TRADING].audience, *options)


def allow_trade(system):
    """The first client, behind the moment at which grantd knows that the gateway may trade."""
    system.grantd.command("client", "update", TRADING, "--exchange-audience", PROFILES)
    client = outsider(system, "outsider")
    until("trade", lambda: system.get(TRADING, gateway.PATH, system.grantd.token(client)).status == 200, 5)
    return client


@scenario("A handle goes through, and the service behind gets a signed token in its place")
def traded(system):
    document = system.expect(200, TRADING, gateway.PATH, handle(system)).json()
    check(dict(document["identity"])["x-auth-subject"] == "outsider",
          f"behind it stood {document['identity']}")
    check(document["token_begins"].startswith("eyJ"), "the handle itself went on")


@scenario("A handle is traded once, however often it comes")
def traded_once(system):
    token, before = handle(system), len(system.grantd.log())
    for _ in range(10):
        system.expect(200, TRADING, gateway.PATH, token)
    trades = sum(1 for entry in system.grantd.requests(before)
                 if entry["endpoint"] == "token" and entry.get("client_id") == TRADING)
    check(trades == 1, f"10 requests were {trades} trades")


@scenario("Made-up, expired and insufficient handles are refused")
def bad_handles(system):
    gateway.refused(system, TRADING, "gdt_" + "A" * 43, "a made-up handle")
    gateway.refused(system, TRADING, "gdt_", "an empty handle")
    system.expect(403, TRADING, gateway.PATH, handle(system, scope="other:read"))
    brief = handle(system, "passing", "--token-lifetime", "2s")
    system.expect(200, TRADING, gateway.PATH, brief)
    until("refusal of the expired handle",
          lambda: system.get(TRADING, gateway.PATH, brief).status == 401, 4)


@scenario("A revoked handle is refused within a second, though its signed token was cached")
def revoked_handle(system):
    token, another = handle(system), handle(system)
    for good in (token, another):
        system.expect(200, TRADING, gateway.PATH, good)
    since = system.grantd.revoke(system.outsiders["outsider"], token)
    note = refused_within(gateway.bound(TRADING), since, gateway.attempt(system, TRADING, token))
    system.expect(200, TRADING, gateway.PATH, another)
    return note


@scenario("A disabled client's handles are refused")
def disabled(system):
    token = handle(system, "leaving-outsider")
    system.expect(200, TRADING, gateway.PATH, token)
    system.grantd.command("client", "disable", "leaving-outsider")
    return refused_within(gateway.bound(TRADING), time.monotonic(),
                          gateway.attempt(system, TRADING, token))


SCENARIOS = [*gateway.SCENARIOS, *TRADES]


def demo(system):
    gateway.demo(system)
    print(f"\n{TRADING} ({system.services[TRADING].url}) trades handles for signed tokens")
    print("  with one:", system.expect(200, TRADING, gateway.PATH, handle(system)).text)
