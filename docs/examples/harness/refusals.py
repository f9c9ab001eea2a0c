"""Tokens that no service may take."""

import time

from . import jwt
from .failure import check
from .revocations import derived
from .scenario import scenarios
from .system import PROFILES, USERS

REFUSALS = []
scenario = scenarios(REFUSALS)
PATHS = {"user-service": "/users/1", "profile-service": "/profiles/1"}


def refused(system, role, token, what):
    answer = system.get(role, PATHS[role], token)
    check(answer.status == 401, f"{role} answered {what} with {answer.status}")
    check(answer.headers.get("WWW-Authenticate", "").startswith("Bearer"),
          f"{role} answered {what} without WWW-Authenticate: Bearer")


def good_tokens(system):
    """For each service one that it takes."""
    root = system.grantd.token(system.caller)
    tokens = {"user-service": root, "profile-service": derived(system, root)}
    for role, token in tokens.items():
        system.expect(200, role, PATHS[role], token)
    return tokens


@scenario("A token for another audience is refused")
def audience(system):
    other = system.grantd.create_client("other", "--scope", "users:read profiles:read",
                                        "--audience", "https://other.example.com")
    token, root = system.grantd.token(other), system.grantd.token(system.caller)
    for role in PATHS:
        refused(system, role, token, "another audience's token")
    refused(system, "profile-service", root, "user-service's token")


@scenario("A token without the scope is answered 403 insufficient_scope")
def scope(system):
    narrow = system.grantd.create_client("narrow", "--scope", "other:read",
                                         "--audience", USERS, "--audience", PROFILES)
    for role, resource in (("user-service", USERS), ("profile-service", PROFILES)):
        answer = system.expect(403, role, PATHS[role],
                               system.grantd.token(narrow, resource=resource))
        check("insufficient_scope" in answer.headers.get("WWW-Authenticate", ""),
              f"{role}: WWW-Authenticate does not say insufficient_scope")


@scenario("A token with one bit flipped is refused")
def flipped(system):
    for role, token in good_tokens(system).items():
        for part, name in enumerate(("header", "claims", "signature")):
            refused(system, role, jwt.with_one_bit_flipped(token, part), f"a bit flipped in {name}")


@scenario("No token, an unsigned one, and HS256 under the public key are refused")
def wrong_algorithm(system):
    public = jwt.public_pem(system.grantd.private_key_file(system.grantd.signing_kid()))
    for role, token in good_tokens(system).items():
        refused(system, role, None, "no token")
        refused(system, role, "nonsense", "nonsense")
        refused(system, role, jwt.unsigned(token), "alg none")
        refused(system, role, jwt.hmac_with_public_key(token, public), "HS256")


@scenario("Tokens of another issuer, type, time or key are refused, however well they are signed")
def forged(system):
    key = system.grantd.private_key_file(system.grantd.signing_kid())
    stranger = system.directory / "stranger.key"
    jwt.new_rsa_key(stranger)
    for role, token in good_tokens(system).items():
        head, body = jwt.header(token), jwt.claims(token)
        no_end = {name: value for name, value in body.items() if name != "exp"}
        system.expect(200, role, PATHS[role], jwt.signed(head, body, key))  # else this shows nothing
        for what, forgery in {
            "another issuer": jwt.signed(head, {**body, "iss": "https://evil.example.com"}, key),
            "another type": jwt.signed({**head, "typ": "logout+jwt"}, body, key),
            "an expired token": jwt.signed(head, {**body, "exp": int(time.time()) - 10}, key),
            "a token without an end": jwt.signed(head, no_end, key),
            "another key under a known kid": jwt.signed(head, body, stranger),
            "an unknown kid": jwt.signed({**head, "kid": "A" * 43}, body, stranger),
        }.items():
            refused(system, role, forgery, what)
