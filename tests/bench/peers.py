"""grantd beside other authorization servers, under the same load: `peers.py GRANTD [--peers-file FILE]`.

Tokens by client_credentials, the client known by client_secret_basic, RS256 JWTs, over HTTPS connections
that are kept alive, with one ECDSA P-256 certificate for all; wrk with one thread, on the same cores. CPU
is that of the server's whole process with its children, user and system; `ratio` is CPU per token to one
bare RS256 signature measured just before; each figure is the median of short runs. Memory is what is
resident after the load; the start is from exec to the first token, with keys and client there already.
Nobody hashes secrets slowly: grantd keeps a keyed digest, the others compare them as they are, to their
advantage, and keep no database.

node-oidc-provider and Spring Authorization Server come from npm and Maven Central by peers/*/build.sh;
where that cannot be had, or a runtime is missing, a line says so instead. Others, which run already, stand
in FILE, a JSON array of objects: `name`, `token_url`, `client_id`, `client_secret`; optional `scope`,
`ca_file` (else the system's CAs), `pid` (else nothing is said of CPU and memory). Asserts nothing.
"""

import argparse
import base64
import contextlib
import dataclasses
import http.client
import json
import os
import pathlib
import secrets
import ssl
import statistics
import subprocess
import sys
import time
import urllib.parse

from harness import load, server

CONNECTIONS = (8, 64)
ROUNDS = 3
WARM_SECONDS = 2
JVM_WARM_SECONDS = 20    # of load and of CPU, until its compiler has little left to do
MOST_WARM_ROUNDS = 4     # where others use the machine, too, and it gets less CPU than that
START_SECONDS = 60
STOP_SECONDS = 20
BUILD_SECONDS = 580
POLL_SECONDS = 0.002
SKIPPED = 77
SCOPE = "profile:read"
CLIENT = "peer"
PEERS = pathlib.Path(__file__).resolve().parent / "peers"
BUILT = pathlib.Path(__file__).resolve().parents[2] / "build/bench/peers"


class Skipped(Exception):
    """A server that cannot be measured here; says why."""


@dataclasses.dataclass
class Peer:
    """A server and what a client of it needs."""
    name: str
    token_url: str
    authorization: str
    context: ssl.SSLContext
    scope: str = SCOPE
    pid: int = 0             # 0: not known
    start_ms: float = 0.0    # 0: not known
    warm_seconds: int = WARM_SECONDS

    @property
    def form(self):
        fields = {"grant_type": "client_credentials"} | ({"scope": self.scope} if self.scope else {})
        return urllib.parse.urlencode(fields)

    def cpu_seconds(self):
        return sum(server.cpu_of(pid, with_children=True) for pid in family(self.pid)) if self.pid else 0.0

    def rss(self):
        return sum(map(server.rss_of, family(self.pid))) if self.pid else 0


@dataclasses.dataclass
class Row:
    """One server at one number of connections; 0 where something could not be measured."""
    name: str
    connections: int
    tokens_per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    ratio: float
    rss_mb: float = 0.0
    start_ms: float = 0.0


def main():
    parser = argparse.ArgumentParser(description="grantd beside other authorization servers under the same load")
    parser.add_argument("grantd")
    parser.add_argument("--seconds", type=int, default=4, help=f"of each of a row's {ROUNDS} runs (4)")
    parser.add_argument("--peers-file", metavar="FILE", help="a JSON array of servers that run already")
    parser.add_argument("--json", default="build/bench/peers.json", metavar="FILE", help="takes the rows, too")
    options = parser.parse_args()
    grantd = pathlib.Path(options.grantd).resolve()
    try:
        others = json.loads(pathlib.Path(options.peers_file).read_text()) if options.peers_file else []
    except (OSError, ValueError) as failure:
        sys.exit(f"--peers-file: {failure}")
    rows, notes = [], []
    with server.workplace() as root:
        print_row("server", "connections", "tokens/s", "p50", "p99", "CPU per token", "ratio", "memory",
                  "start to first token")
        print_row("---", *["---:"] * 8)
        subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048",
                        "-out", root / "signing.key"], check=True, capture_output=True)
        (root / "signing.key").chmod(0o600)
        servers = [("grantd", running_grantd(grantd, root)),
                   ("node-oidc-provider", running_node(root)),
                   ("Spring Authorization Server", running_spring(root))]
        servers += [(other.get("name", "a server without a name"), already_running(other)) for other in others]
        for name, running in servers:
            try:
                with running as peer:
                    measure(grantd, root, peer, options.seconds, rows, notes)
            except Skipped as why:
                notes.append(f"{name}: skipped, {why}")
    print("".join(f"\n{note}\n" for note in notes), end="")
    file = pathlib.Path(options.json)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"rows": [dataclasses.asdict(row) for row in rows], "notes": notes}, indent=2) + "\n")


# --- servers ----------------------------------------------------------------------------------

@contextlib.contextmanager
def running_grantd(grantd, root):
    node = server.Node(grantd, root, root / "grantd")
    node.command("migrate")
    authorization = node.create_client(CLIENT, "--scope", SCOPE)
    with node.running():
        pass  # its key is made at its first start
    context = server.tls_context(root)
    began = time.monotonic()
    node.spawn()
    try:
        peer = Peer(f"grantd {version_of(grantd)}", f"{node.url}/token", authorization, context,
                    pid=node.process.pid)
        peer.start_ms = wait_for_token(peer, began, node.process)
        yield peer
    finally:
        node.stop()


def version_of(grantd):
    said = subprocess.run([grantd, "--version"], capture_output=True, text=True).stdout
    return said.split()[-1] if said.split() else ""


@contextlib.contextmanager
def running_node(root):
    directory = build("node")
    manifest = json.loads((directory / "node_modules/oidc-provider/package.json").read_text())
    name = f"node-oidc-provider {manifest['version']}"
    with running(root, name, ["node", directory / "server.mjs"], "/token", WARM_SECONDS) as peer:
        yield peer


@contextlib.contextmanager
def running_spring(root):
    app = build("spring") / "app"
    jars = sorted(app.glob("lib/spring-security-oauth2-authorization-server-*.jar"))
    name = "Spring Authorization Server " + jars[0].stem.rpartition("-")[2]
    # Without a limit the heap grows to a quarter of the machine's memory.
    command = ["java", "-Xmx512m", "-jar", app / "peer.jar"]
    with running(root, name, command, "/oauth2/token", JVM_WARM_SECONDS) as peer:
        yield peer


def build(name):
    """The directory in which peers/NAME/build.sh has put its server."""
    directory = BUILT / name
    try:
        done = subprocess.run([PEERS / name / "build.sh", directory], capture_output=True, text=True,
                              timeout=BUILD_SECONDS)
    except subprocess.TimeoutExpired:
        raise Skipped("building it took too long") from None
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip()
        if done.returncode != SKIPPED:
            print(said, file=sys.stderr)
            raise Skipped("it could not be built, see above")
        raise Skipped(said.splitlines()[-1].removeprefix("skipped: "))
    return directory


@contextlib.contextmanager
def running(root, name, command, path, warm_seconds):
    """A server that is told by its environment where its files are; its output goes to a file."""
    port = server.free_port()
    secret = secrets.token_urlsafe(32)
    server.write_private(root / "client-secret", secret + "\n")
    environment = os.environ | {
        "PORT": str(port), "TLS_CERT_FILE": str(root / "server.crt"), "TLS_KEY_FILE": str(root / "server.key"),
        "SIGNING_KEY_FILE": str(root / "signing.key"), "CLIENT_ID": CLIENT,
        "CLIENT_SECRET_FILE": str(root / "client-secret"), "NODE_ENV": "production"}
    peer = Peer(name, f"https://127.0.0.1:{port}{path}", server.basic(CLIENT, secret), server.tls_context(root),
                warm_seconds=warm_seconds)
    output = root / "peer.log"
    with open(output, "wb") as log:
        began = time.monotonic()
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        peer.pid = process.pid
        try:
            peer.start_ms = wait_for_token(peer, began, process)
        except Skipped:
            print(output.read_text(errors="replace")[-4000:], file=sys.stderr)
            raise
        yield peer
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def already_running(other):
    try:
        peer = Peer(other["name"], other["token_url"],
                    server.basic(*(urllib.parse.quote_plus(other[key]) for key in ("client_id", "client_secret"))),
                    ssl.create_default_context(cafile=other.get("ca_file")), other.get("scope", ""),
                    pid=int(other.get("pid", 0)), warm_seconds=JVM_WARM_SECONDS)
        ask(peer)
    except KeyError as missing:
        raise Skipped(f"the file says nothing of its {missing.args[0]}") from None
    except (OSError, http.client.HTTPException) as failure:
        raise Skipped(str(failure)) from None
    yield peer


def family(pid):
    """The process and all that descend from it."""
    children = {}
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(stat.parent.name))
    found = [pid]
    for each in found:
        found += children.get(each, [])
    return found


# --- tokens -----------------------------------------------------------------------------------

def ask(peer):
    """A token, over a connection of its own."""
    url = urllib.parse.urlsplit(peer.token_url)
    secure = url.scheme == "https"
    connection = (http.client.HTTPSConnection(url.hostname, url.port, context=peer.context, timeout=10) if secure
                  else http.client.HTTPConnection(url.hostname, url.port, timeout=10))
    with contextlib.closing(connection):
        connection.request("POST", url.path, peer.form,
                           {"Content-Type": load.FORM, "Authorization": peer.authorization})
        response = connection.getresponse()
        body = response.read()
    if response.status != 200:
        raise OSError(f"{peer.token_url} answers {response.status} {body[:200].decode(errors='replace')}")
    return json.loads(body)["access_token"]


def wait_for_token(peer, began, process):
    """Milliseconds from `began` to the first token."""
    last = "nothing"
    while time.monotonic() < began + START_SECONDS and process.poll() is None:
        try:
            ask(peer)
            return (time.monotonic() - began) * 1000
        except (OSError, http.client.HTTPException) as failure:
            last = failure
        time.sleep(POLL_SECONDS)
    raise Skipped(f"it gave no token, at last: {last}")


def algorithm_of(token):
    """`alg` of a JWT; empty for what is none."""
    head = token.split(".")[0]
    with contextlib.suppress(ValueError):
        header = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
        return header.get("alg", "") if isinstance(header, dict) else ""
    return ""


def measure(grantd, root, peer, seconds, rows, notes):
    print(f"measuring {peer.name}", file=sys.stderr)
    algorithm = algorithm_of(ask(peer))
    if algorithm != "RS256":
        notes.append(f"{peer.name}: its tokens are {algorithm or 'no JWTs'}, not RS256")
    lua = load.post(peer.authorization, peer.form)
    warm(root, peer, lua)
    for connections in CONNECTIONS:
        seen, ratios = [], []
        for _ in range(ROUNDS):
            sign_us = load.bare_signature(grantd)["sign_us"]
            seen.append(loaded(root, peer, lua, connections, seconds))
            ratios.append(seen[-1].cpu_us / sign_us)
        middle = load.median(seen)
        rows.append(Row(peer.name, connections, middle.rate, middle.p50_us / 1e3, middle.p99_us / 1e3,
                        middle.cpu_us, statistics.median(ratios), peer.rss() / 1e6, peer.start_ms))
        show(rows[-1])
        if any(run.refused or run.broken for run in seen):
            notes.append(f"{peer.name}, {connections} connections: {sum(run.refused for run in seen)} requests "
                         f"refused, {sum(run.broken for run in seen)} broken")


def warm(root, peer, lua):
    before = peer.cpu_seconds()
    for _ in range(MOST_WARM_ROUNDS):
        loaded(root, peer, lua, max(CONNECTIONS), peer.warm_seconds)
        if not peer.pid or peer.cpu_seconds() - before >= peer.warm_seconds:
            return


def loaded(root, peer, lua, connections, seconds):
    try:
        return load.wrk(peer.token_url, lua, connections, seconds, root, server=peer)
    except SystemExit as why:
        raise Skipped(f"the load on it failed: {why}") from None


def print_row(*cells):
    print(f"| {' | '.join(cells)} |", flush=True)


def show(row):
    cpu = (f"{row.cpu_us:,.0f} µs", f"{row.ratio:.2f}") if row.cpu_us else ("", "")
    print_row(row.name, str(row.connections), f"{row.tokens_per_second:,.0f}", f"{row.p50_ms:.1f} ms",
              f"{row.p99_ms:.1f} ms", *cpu, f"{row.rss_mb:,.0f} MB" if row.rss_mb else "",
              f"{row.start_ms:,.0f} ms" if row.start_ms else "")


if __name__ == "__main__":
    main()
