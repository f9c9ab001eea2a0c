#!/usr/bin/python3
"""start.py introspection | verification: one HAProxy gateway, by the environment that
docs/examples/README.md describes; PROFILE_URL is what it protects."""

import base64
import os
import pathlib
import sys
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "gateways"))
from launch import Launch, find, origin, render  # noqa: E402
from runtime import Runtime  # noqa: E402

HAPROXY = find("haproxy")
USER = "www-data"  # Debian's package has `haproxy`; this one exists without it


def credentials():
    """`Basic …` of RFC 6749 §2.3.1."""
    pair = (os.environ["CLIENT_ID"], pathlib.Path(os.environ["CLIENT_SECRET_FILE"]).read_text().strip())
    quoted = ":".join(urllib.parse.quote(word, safe="") for word in pair)
    return "Basic " + base64.b64encode(quoted.encode()).decode()


def values(run):
    grantd, upstream = origin(os.environ["ISSUER"]), origin(os.environ["PROFILE_URL"])
    root = os.geteuid() == 0
    return {
        "RUN": run, "HERE": run, "BIND": os.environ.get("BIND", "127.0.0.1"),
        "PORT": os.environ["PORT"], "CA": os.environ["CA_FILE"],
        "ISSUER": os.environ["ISSUER"], "AUDIENCE": os.environ["AUDIENCE"],
        "GRANTD": grantd, "GRANTD_HOST": grantd.rpartition(":")[0],
        "UPSTREAM": upstream, "UPSTREAM_HOST": upstream.rpartition(":")[0],
        "CREDENTIALS": credentials(),
        "USER": f"user {USER}\n    group {USER}" if root else "",
        "SOCKET_OWNER": f"user {USER}" if root else "",
    }


def certificate(run):
    """HAProxy wants certificate and key in one file."""
    pem = "".join(pathlib.Path(os.environ[name]).read_text()
                  for name in ("TLS_CERT_FILE", "TLS_KEY_FILE"))
    file = run / "server.pem"
    file.touch(mode=0o600)
    file.write_text(pem)
    return file, pem


def renew_certificate(run):
    """Through the runtime API: no reload. A pair that does not fit is refused, and the old one stays."""
    file, pem = certificate(run)
    runtime = Runtime(run / "runtime.sock")
    lines = "\n".join(line for line in pem.splitlines() if line)
    for command in (f"set ssl cert {file} <<\n{lines}\n", f"commit ssl cert {file}"):
        print(runtime.ask(command).strip().replace("\n", " "), file=sys.stderr)


def main(variant):
    with Launch() as launch:
        run = launch.directory
        for file in (*HERE.glob("*.cfg"), *HERE.glob("*.lua")):
            render(file, run / file.name, values(run))
        certificate(run)
        launch.give_to(USER)
        files = [run / "common.cfg", run / f"{variant}.cfg"]
        if variant == "verification":
            launch.program(HERE / "sync.py", run)
            files.append(run / "keys.cfg")
            launch.wait_for(files[-1])
        arguments = [word for file in files for word in ("-f", file)]
        if not launch.stopping():
            launch.program(HAPROXY, "-W", "-S", f"{run}/master.sock,mode,600", *arguments)
        launch.until_stopped([os.environ["TLS_CERT_FILE"], os.environ["TLS_KEY_FILE"]],
                             lambda: renew_certificate(run))


if __name__ == "__main__":
    main(sys.argv[1])
