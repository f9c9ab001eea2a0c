"""Runs one foreign client against the real binary: `harness.py GRANTD CLIENT...`.

Makes a certificate authority, a configuration, a pepper and two clients in a temporary directory,
starts `grantd serve`, waits until it is ready, runs CLIENT with what it needs to know in its
environment (see `environment`), and stops the server with SIGTERM. The exit status is CLIENT's, or
another than 0 where the server did not start, did not end with 0, or logged a secret. CLIENT ends
with 77 where its library is missing.
"""

import json
import os
import pathlib
import secrets
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

READY_SECONDS = 30
STOP_SECONDS = 15
CLIENT_SECONDS = 90
START_TRIES = 3  # another process may take a port after we chose it and before the server binds it

METHODS = ("client_secret_basic", "client_secret_post")
API = "https://api.example.com"
SCOPE = "api:read api:write"


def main(grantd, client):
    with tempfile.TemporaryDirectory(prefix="grantd-interop-") as name:
        directory = pathlib.Path(name)
        make_certificates(directory)
        make_pepper(directory / "pepper")
        (directory / "keys").mkdir(mode=0o700)
        server, ports = start(grantd, directory)
        try:
            names = environment(grantd, directory, ports, server.pid)
            status = subprocess.run(client, env=names, timeout=CLIENT_SECONDS).returncode
        finally:
            stopped = stop(server)
        log = (directory / "log").read_text()
        if any(names[name].split()[1] in log for name in map(credentials_name, METHODS)):
            sys.exit("the server logged a client's secret")
        if status not in (0, 77) or stopped != 0:
            print(f"client ended with {status}, server with {stopped}; its log:\n{log}",
                  file=sys.stderr)
        return status or abs(stopped)


def make_certificates(directory):
    """An authority and a certificate for localhost, made by openssl and not by grantd."""
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    openssl = ["openssl", "req", "-x509", *new_key]
    run([*openssl, "-subj", "/CN=interop authority", "-keyout", directory / "ca.key",
         "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-out", directory / "ca.crt"])
    run([*openssl, "-subj", "/CN=localhost", "-CA", directory / "ca.crt",
         "-CAkey", directory / "ca.key", "-addext", "subjectAltName=DNS:localhost",
         "-addext", "basicConstraints=critical,CA:FALSE",
         "-keyout", directory / "server.key", "-out", directory / "server.crt"])
    (directory / "server.key").chmod(0o600)


def make_pepper(file):
    file.touch(mode=0o600)
    file.write_text(secrets.token_hex(32) + "\n")


def start(grantd, directory):
    for attempt in range(START_TRIES):
        ports = free_ports(2)
        write_configuration(directory, *ports)
        log = open(directory / "log", "w")
        server = subprocess.Popen(
            [grantd, "serve", "--config", directory / "grantd.json"], stdout=log, stderr=log
        )
        if ready(server, ports[1]):
            return server, ports
        stop(server)
    print((directory / "log").read_text(), file=sys.stderr)
    sys.exit("grantd did not become ready")


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def write_configuration(directory, port, ops_port):
    """Keys hand over within seconds, so that a test can watch it."""
    (directory / "grantd.json").write_text(json.dumps({
        "issuer": f"https://localhost:{port}",
        "listen": {
            "address": "127.0.0.1", "port": port,
            "tls": {"certificate_file": "server.crt", "private_key_file": "server.key"},
        },
        "ops": {"address": "127.0.0.1", "port": ops_port},
        "storage": {"url": "sqlite:grantd.db", "pepper_file": "pepper"},
        "keys": {"directory": "keys", "rotate_every": "never",
                 "publish_before": "2s", "jwks_max_age": "1s"},
    }, indent=2))


def ready(server, ops_port):
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{ops_port}/readyz", timeout=5):
                return True
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    return False


def stop(server):
    server.terminate()
    try:
        return server.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        print(f"the server did not end within {STOP_SECONDS} s of SIGTERM", file=sys.stderr)
        return server.wait()


def environment(grantd, directory, ports, pid):
    """What a client script finds in its environment, beside the usual names for a trusted CA."""
    configuration, authority = str(directory / "grantd.json"), str(directory / "ca.crt")
    names = os.environ | {
        "INTEROP_GRANTD": grantd,
        "INTEROP_CONFIG": configuration,
        "INTEROP_PID": str(pid),
        "INTEROP_ISSUER": f"https://localhost:{ports[0]}",
        "INTEROP_METRICS": f"http://127.0.0.1:{ports[1]}/metrics",
        "INTEROP_AUDIENCE": API,
        "INTEROP_SCOPE": SCOPE,
    }
    for trust in ("NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        names[trust] = authority
    for method in METHODS:
        made = json.loads(run([
            grantd, "client", "create", f"interop-{method}", "--auth-method", method,
            "--scope", SCOPE, "--audience", API, "--json", "--config", configuration]))
        names[credentials_name(method)] = made["client_id"] + " " + made["client_secret"]
    return names


def credentials_name(method):
    return f"INTEROP_{method.upper()}"


def run(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} ended with {done.returncode}: {done.stderr}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
