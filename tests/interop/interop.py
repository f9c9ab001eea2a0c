"""What the Python client scripts share: where the server is, and what its tokens must hold."""

import importlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

ISSUER = os.environ["INTEROP_ISSUER"]
AUDIENCE = os.environ["INTEROP_AUDIENCE"]
SCOPE = os.environ["INTEROP_SCOPE"]
METADATA_URL = ISSUER + "/.well-known/oauth-authorization-server"
METHODS = ("client_secret_basic", "client_secret_post")

SKIPPED = 77
ROTATION_SECONDS = 30


def need(module):
    """The module, or the end of the script as skipped."""
    try:
        return importlib.import_module(module)
    except ImportError as missing:
        print(f"skipped: {missing}")
        sys.exit(SKIPPED)


def credentials(method):
    """The id and secret of the client that is registered for `method`."""
    return os.environ[f"INTEROP_{method.upper()}"].split(" ", 1)


def check(condition, what):
    if not condition:
        sys.exit(f"failed: {what}")


def check_claims(claims, client_id):
    for name, expected in {"iss": ISSUER, "sub": client_id, "client_id": client_id,
                           "aud": AUDIENCE, "scope": SCOPE}.items():
        check(claims.get(name) == expected, f"{name} is {claims.get(name)!r}, not {expected!r}")
    check(claims["exp"] > claims["iat"], "a token expires after it was issued")


def generate_key():
    subprocess.run([os.environ["INTEROP_GRANTD"], "key", "generate",
                    "--config", os.environ["INTEROP_CONFIG"]], check=True)


def encrypt_to(jwks, alg):
    """Makes AUDIENCE's tokens encrypted, or encrypted to another key, from the next reload on, and
    reloads."""
    configuration = pathlib.Path(os.environ["INTEROP_CONFIG"])
    (configuration.parent / "reader.jwks.json").write_text(json.dumps(jwks))
    values = json.loads(configuration.read_text())
    values["audiences"] = {
        AUDIENCE: {"encryption": {"jwks_file": "reader.jwks.json", "alg": alg}}}
    configuration.write_text(json.dumps(values))
    os.kill(int(os.environ["INTEROP_PID"]), signal.SIGHUP)


def until(what, attempt):
    """The first true answer of `attempt`, which is asked again for ROTATION_SECONDS at most."""
    deadline = time.monotonic() + ROTATION_SECONDS
    while time.monotonic() < deadline:
        answer = attempt()
        if answer:
            return answer
        time.sleep(0.1)
    sys.exit(f"failed: no {what} within {ROTATION_SECONDS} s")
