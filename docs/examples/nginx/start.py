#!/usr/bin/python3
"""start.py introspection | verification SIDECAR | trade SIDECAR: one nginx gateway, by the environment
that docs/examples/README.md describes; PROFILE_URL is what it protects. `trade` is verification behind
a trade of opaque handles for signed tokens."""

import base64
import os
import pathlib
import signal
import sys
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "gateways"))
from launch import Launch, find, origin, render  # noqa: E402

NGINX = find("nginx")
MODULES = NGINX.parent.parent / "lib" / "nginx" / "modules"
USER = "www-data"
CONFIGURATIONS = {"introspection": "introspection.conf", "verification": "verification.conf",
                  "trade": "verification.conf"}


def credentials():
    """`Basic …` of RFC 6749 §2.3.1. Behind a reload, nginx would send a rotated secret."""
    pair = (os.environ["CLIENT_ID"], pathlib.Path(os.environ["CLIENT_SECRET_FILE"]).read_text().strip())
    quoted = ":".join(urllib.parse.quote(word, safe="") for word in pair)
    return "Basic " + base64.b64encode(quoted.encode()).decode()


def values(run):
    grantd, upstream = origin(os.environ["ISSUER"]), origin(os.environ["PROFILE_URL"])
    return {
        "RUN": run, "HERE": run, "BIND": os.environ.get("BIND", "127.0.0.1"),
        "PORT": os.environ["PORT"], "CA": os.environ["CA_FILE"],
        "CERTIFICATE": os.environ["TLS_CERT_FILE"], "KEY": os.environ["TLS_KEY_FILE"],
        "GRANTD": grantd, "GRANTD_HOST": grantd.rpartition(":")[0],
        "UPSTREAM": upstream, "UPSTREAM_HOST": upstream.rpartition(":")[0],
        "CREDENTIALS": credentials(), "MODULES": MODULES,
    }


def main(variant, sidecar=None):
    with Launch() as launch:
        run = launch.directory
        for file in (*HERE.glob("*.conf"), *HERE.glob("*.js")):
            render(file, run / file.name, values(run))
        if sidecar:
            inner = os.environ["PROFILE_AUDIENCE"] if variant == "trade" else ""
            launch.program(sidecar, environment={"SOCKET": str(run / "auth.sock"), "INNER_AUDIENCE": inner})
            launch.wait_for(run / "auth.sock")
        launch.give_to(USER)
        user = f"user {USER}; " if os.geteuid() == 0 else ""
        nginx = launch.program(NGINX, "-p", run, "-e", "stderr", "-c", run / CONFIGURATIONS[variant],
                               "-g", f"{user}daemon off; worker_processes 2;")
        launch.until_stopped([os.environ["TLS_CERT_FILE"], os.environ["TLS_KEY_FILE"]],
                             lambda: nginx.send_signal(signal.SIGHUP))


if __name__ == "__main__":
    main(*sys.argv[1:])
