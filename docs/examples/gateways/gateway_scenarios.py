"""What every gateway must do, whatever it is made of: `SCENARIOS` and `demo` for ../run.py.

Each service of the example but the upstream is a gateway, and is asked everything. A gateway whose
name begins with `introspecting` asks grantd about each token; the others verify by themselves. One
that trades handles has scenarios of its own.
"""

import http.client
import json
import ssl
import time

from harness import jwt
from harness.failure import Failure, check, until
from harness.load import Load
from harness.scenario import FEED_BOUND, RECONNECT, SLACK, refused_within, scenarios

UPSTREAM, TRADING = "profile-service", "trading"
SCOPE = "profiles:read"
PATH = "/profiles/42"
CACHE_BOUND = 1.0  # how long an introspecting gateway remembers grantd's answer
RECOVERY_SECONDS = 10
ROTATION_SECONDS = 15
RENEWAL_SECONDS = 15
AWAY_SECONDS = 3
TIMEOUT_SECONDS = 15

SCENARIOS = []
scenario = scenarios(SCENARIOS)


# --- asking -----------------------------------------------------------------------------------

def gateways(system):
    return [role for role in system.services if role not in (UPSTREAM, TRADING)]


def introspecting(role):
    return role.startswith("introspecting")


def bound(role):
    return (CACHE_BOUND if introspecting(role) else FEED_BOUND) + SLACK


def visitor(system, name="visitor", *options):
    """A client that may go through every gateway; made once."""
    made = system.__dict__.setdefault("visitors", {})
    if name not in made:
        audiences = [word for role in gateways(system)
                     for word in ("--audience", system.services[role].audience)]
        made[name] = system.grantd.create_client(
            name, "--scope", f"{SCOPE} other:read", *audiences, *options)
    return made[name]


def token_for(system, role, client=None, scope=None):
    return system.grantd.token(client or visitor(system), scope=scope,
                               resource=system.services[role].audience)


class Raw:
    """An answer to a request with any headers at all."""

    def __init__(self, system, role, headers):
        context = ssl.create_default_context(cafile=str(system.authority.certificate))
        connection = http.client.HTTPSConnection("localhost", system.services[role].port,
                                                 timeout=TIMEOUT_SECONDS, context=context)
        try:
            connection.putrequest("GET", PATH)
            for name, value in headers:
                connection.putheader(name, value)
            connection.endheaders()
            answer = connection.getresponse()
            self.status, self.headers = answer.status, answer.headers
            self.text = answer.read().decode()
        except (OSError, http.client.HTTPException) as error:
            raise Failure(f"{role}: no answer: {error!r}") from error
        finally:
            connection.close()

    def json(self):
        return json.loads(self.text)


def attempt(system, role, token):
    return role, lambda: system.get(role, PATH, token)


def refused(system, role, token, what):
    answer = system.get(role, PATH, token)
    check(answer.status == 401, f"{role} answered {what} with {answer.status}")
    challenges = answer.headers.get_all("WWW-Authenticate", [])
    check(len(challenges) == 1 and challenges[0].startswith("Bearer"),
          f"{role} answered {what} with WWW-Authenticate: {challenges}, not one Bearer")


def passes(system, role, token):
    return lambda: system.expect(200, role, PATH, token)


def check_identity(role, document, token):
    claims = jwt.claims(token)
    expected = [["x-auth-client", claims["client_id"]], ["x-auth-scope", claims["scope"]],
                ["x-auth-subject", claims["sub"]]]
    check(sorted(document["identity"]) == expected,
          f"{role}: behind it stood {document['identity']}, not {expected}")


# --- who gets through -------------------------------------------------------------------------

@scenario("A request with a token goes through, and the service behind learns who calls")
def ordinary(system):
    for role in gateways(system):
        token = token_for(system, role)
        document = system.expect(200, role, PATH, token).json()
        check_identity(role, document, token)
        check(document["path"] == PATH, f"{role}: the path became {document['path']}")


@scenario("No token, and tokens that were tampered with, are refused")
def tampered(system):
    public = jwt.public_pem(system.grantd.private_key_file(system.grantd.signing_kid()))
    for role in gateways(system):
        token = token_for(system, role)
        refused(system, role, None, "no token")
        refused(system, role, "nonsense", "nonsense")
        refused(system, role, token + "&x=1", "a token with a form's parameter behind it")
        refused(system, role, jwt.unsigned(token), "alg none")
        refused(system, role, jwt.hmac_with_public_key(token, public), "HS256")
        for part, name in enumerate(("header", "claims", "signature")):
            refused(system, role, jwt.with_one_bit_flipped(token, part), f"a bit flipped in {name}")


@scenario("A token for another audience is refused")
def other_audience(system):
    roles = gateways(system)
    for role, other in zip(roles, roles[1:] + roles[:1]):
        refused(system, role, token_for(system, other), f"a token for {other}")


@scenario("Tokens of another issuer, type, time or key are refused, however well they are signed")
def forged(system):
    key = system.grantd.private_key_file(system.grantd.signing_kid())
    stranger = system.directory / "stranger.key"
    jwt.new_rsa_key(stranger)
    for role in gateways(system):
        token = token_for(system, role)
        head, body = jwt.header(token), jwt.claims(token)
        no_end = {name: value for name, value in body.items() if name != "exp"}
        system.expect(200, role, PATH, jwt.signed(head, body, key))  # else this shows nothing
        for what, forgery in {
            "another issuer": jwt.signed(head, {**body, "iss": "https://evil.example.com"}, key),
            "another type": jwt.signed({**head, "typ": "logout+jwt"}, body, key),
            "an expired token": jwt.signed(head, {**body, "exp": int(time.time()) - 10}, key),
            "a token without an end": jwt.signed(head, no_end, key),
            "another key under a known kid": jwt.signed(head, body, stranger),
            "an unknown kid": jwt.signed({**head, "kid": "A" * 43}, body, stranger),
            "a kid that is a path": jwt.signed({**head, "kid": "../" + head["kid"]}, body, key),
        }.items():
            refused(system, role, forgery, what)


@scenario("An expired token is refused")
def expired(system):
    brief = visitor(system, "brief", "--token-lifetime", "2s")
    for role in gateways(system):
        token = token_for(system, role, brief)
        system.expect(200, role, PATH, token)
        until(f"refusal by {role} of the expired token",
              lambda: system.get(role, PATH, token).status == 401, 4)


@scenario("A token without the scope is answered 403 insufficient_scope")
def scope(system):
    for role in gateways(system):
        answer = system.expect(403, role, PATH, token_for(system, role, scope="other:read"))
        check("insufficient_scope" in answer.headers.get("WWW-Authenticate", ""),
              f"{role}: WWW-Authenticate does not say insufficient_scope")


@scenario("Identity headers that a client sends do not pass")
def forged_headers(system):
    lies = [("X-Auth-Subject", "admin"), ("x-auth-client", "admin"), ("X-AUTH-SCOPE", "admin"),
            ("X_Auth_Subject", "admin"), ("X-Auth_Scope", "admin"), ("X-Auth-Token", "admin"),
            ("X-Auth-Subject", "twice"), ("X-Required-Scope", "other:read")]
    for role in gateways(system):
        token, narrow = token_for(system, role), token_for(system, role, scope="other:read")
        bearer = ("Authorization", f"Bearer {token}")
        answer = Raw(system, role, [bearer, *lies])
        check(answer.status == 200, f"{role} answered {answer.status}: {answer.text[:200]}")
        check_identity(role, answer.json(), token)
        check(Raw(system, role, lies).status == 401, f"{role} believed headers without a token")
        check(Raw(system, role, [("Authorization", f"Bearer {narrow}"), *lies]).status == 403,
              f"{role} took the client's word for the scope that is needed")
        check(Raw(system, role, [bearer, ("Authorization", "Bearer other")]).status in (400, 401),
              f"{role} took a request with two Authorization headers")


# --- while time passes ------------------------------------------------------------------------

@scenario("Signing keys rotate under load without a failed request")
def rotation(system):
    old = {role: token_for(system, role) for role in gateways(system)}
    old_kid = system.grantd.signing_kid()

    def call(role):
        return lambda: system.expect(200, role, PATH, token_for(system, role))

    with Load(*map(call, gateways(system))) as load:
        system.grantd.command("key", "generate")
        until("new signing key", lambda: system.grantd.signing_kid() != old_kid, ROTATION_SECONDS)
        time.sleep(2)
    for role, token in old.items():
        system.expect(200, role, PATH, token)
    return f"{load.made} requests"


@scenario("A gateway's certificate is renewed without a restart or a failed request")
def certificates(system):
    tokens = {role: token_for(system, role) for role in gateways(system)}
    notes = []
    with Load(*(passes(system, role, token) for role, token in tokens.items())) as load:
        for role in tokens:
            new, since = system.authority.issue(role), time.monotonic()
            until(f"new certificate of {role}",
                  lambda: int(system.get(role, "/healthz").serial, 16) == int(new, 16),
                  RENEWAL_SECONDS)
            notes.append(f"{role} after {time.monotonic() - since:.1f} s")
    return f"{load.made} requests; " + ", ".join(notes)


@scenario("A revoked token is refused within the gateway's bound, others go on")
def revoked(system):
    notes = []
    for role in gateways(system):
        token, another = token_for(system, role), token_for(system, role)
        with Load(passes(system, role, another), callers=1):
            for _ in range(3):
                system.expect(200, role, PATH, token)
            since = system.grantd.revoke(visitor(system), token)
            notes.append(refused_within(bound(role), since, attempt(system, role, token)))
    return ", ".join(notes)


@scenario("A token made by token exchange goes through, until the one it was made of is revoked")
def derived(system):
    audience = "https://middle.example.com"
    targets = [word for role in gateways(system)
               for word in ("--exchange-audience", system.services[role].audience)]
    middle = system.grantd.create_client("middle", "--serves", audience, *targets)
    origin = system.grantd.create_client("origin", "--scope", SCOPE, "--audience", audience)
    notes, others = [], {}
    for role in gateways(system):
        root, another = system.grantd.token(origin), system.grantd.token(origin)
        made, others[role] = (
            system.grantd.exchange(middle, token, system.services[role].audience, SCOPE)
            for token in (root, another))
        check_identity(role, system.expect(200, role, PATH, made).json(), made)
        since = system.grantd.revoke(origin, root)
        notes.append(refused_within(bound(role), since, attempt(system, role, made)))
        system.expect(200, role, PATH, others[role])
    # The subject counts, too, not just the client that a token was issued to.
    system.grantd.command("client", "disable", "origin")
    notes.append("its subject disabled: " + refused_within(
        max(map(bound, others)), time.monotonic(),
        *(attempt(system, role, token) for role, token in others.items())))
    return ", ".join(notes)


@scenario("A disabled client's tokens are refused within the gateway's bound")
def disabled(system):
    leaver = visitor(system, "leaver")
    tokens = {role: token_for(system, role, leaver) for role in gateways(system)}
    for role, token in tokens.items():
        system.expect(200, role, PATH, token)
    system.grantd.command("client", "disable", "leaver")
    since = time.monotonic()
    return refused_within(max(map(bound, tokens)), since,
                          *(attempt(system, role, token) for role, token in tokens.items()))


@scenario("A leaked key's tokens are refused, and tokens of the next key are taken")
def leaked_key(system):
    tokens = {role: token_for(system, role) for role in gateways(system)}
    for role, token in tokens.items():
        system.expect(200, role, PATH, token)
    system.grantd.command("key", "retire", system.grantd.signing_kid(), "--now")
    since = time.monotonic()
    note = refused_within(max(map(bound, tokens)), since,
                          *(attempt(system, role, token) for role, token in tokens.items()))
    for role in tokens:
        until(f"token of the next key taken by {role}",
              lambda: system.get(role, PATH, token_for(system, role)).status == 200,
              RECOVERY_SECONDS, every=0.2)
    return f"{note}; the next key's taken after {time.monotonic() - since:.1f} s"


@scenario("grantd restarted: who verifies goes on, who introspects says 503, nobody misses a revocation")
def restart(system):
    roles = gateways(system)
    live = {role: token_for(system, role) for role in roles}
    gone = {role: token_for(system, role) for role in roles}
    for role in roles:
        system.expect(200, role, PATH, live[role])
        system.expect(200, role, PATH, gone[role])
    system.grantd.stop()
    with Load(*(passes(system, role, live[role]) for role in roles if not introspecting(role)),
              callers=2) as load:
        for token in gone.values():
            system.grantd.revoke_by_command(token)
        time.sleep(AWAY_SECONDS)
        for role in filter(introspecting, roles):
            answer = system.expect(503, role, PATH, live[role])
            check("Retry-After" in answer.headers, f"{role}: no Retry-After")
    system.grantd.start()
    since = time.monotonic()
    note = refused_within(RECONNECT + max(map(bound, roles)), since,
                          *(attempt(system, role, gone[role]) for role in roles))
    for role in roles:
        system.expect(200, role, PATH, live[role])
    return f"{load.made} requests without it; revoked meanwhile: {note}"


# --- shown ------------------------------------------------------------------------------------

def demo(system):
    for role in gateways(system):
        print(f"\n{role} ({system.services[role].url}) protects {system.services[UPSTREAM].url}")
        token = token_for(system, role)
        print("  without a token:", system.get(role, PATH).status)
        print("  with one:", system.expect(200, role, PATH, token).text)
        since = system.grantd.revoke(visitor(system), token)
        print("  revoked; refused:", refused_within(bound(role), since, attempt(system, role, token)))
