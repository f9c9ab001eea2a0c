"""What several nodes on one PostgreSQL cost: `cluster.py GRANTD [SECONDS]`.

Starts a PostgreSQL (fsync on), one, two and three nodes behind HAProxy, and loads /token with wrk for
SECONDS (5) each; beside them one node on SQLite, to which all is a ratio. On a machine with few cores
more nodes serve no more tokens, so what counts is CPU: per token for all nodes' processes together,
and for all of PostgreSQL's. Then measures how long a revocation takes, from its 200 on, until no node
says that the token is active. Python's standard library, openssl, wrk, HAProxy; asserts nothing.
"""

import base64
import contextlib
import http.client
import json
import os
import pathlib
import secrets
import shutil
import signal
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

START_SECONDS = 30
CONNECTIONS = 24
REVOCATIONS_EACH = 40
API = "https://api.example.com"
TICKS = os.sysconf("SC_CLK_TCK")

WRK = """
wrk.method = "POST"
wrk.body = "grant_type=client_credentials"
wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"
wrk.headers["Authorization"] = "%s"
local threads = {}
function setup(thread) table.insert(threads, thread) end
function init(args) tokens = 0 end
function response(status) if status == 200 then tokens = tokens + 1 end end
function done(summary)
  local total = 0
  for _, thread in ipairs(threads) do total = total + thread:get("tokens") end
  io.stderr:write(total .. " " .. summary.duration .. "\\n")
end
"""


def main(grantd, seconds):
    with contextlib.ExitStack() as stack:
        root = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="grantd-bench-")))
        make_certificates(root)
        (root / "pepper").write_text(secrets.token_hex(32) + "\n")
        (root / "wrapping-key").write_text(secrets.token_hex(32) + "\n")
        for name in ("pepper", "wrapping-key", "server.key"):
            (root / name).chmod(0o600)
        postgres = stack.enter_context(postgresql(grantd, root))
        rows = [measure(grantd, root, "SQLite", ["sqlite:grantd.db"], None, seconds)]
        for count in (1, 2, 3):
            rows.append(measure(grantd, root, "PostgreSQL", [postgres.url] * count, postgres, seconds))
        show(rows)
        revocations(grantd, root, postgres)


# --- what runs --------------------------------------------------------------------------------

def make_certificates(root):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-keyout", root / "server.key", "-out", root / "server.crt", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
                   check=True, capture_output=True)


class Postgres:
    def __init__(self, url, directory):
        self.url = url
        self.directory = str(directory)

    def cpu_seconds(self):
        """Of all its processes; those that ended are in the postmaster's account."""
        total = 0.0
        postmaster = (pathlib.Path(self.directory) / "data/postmaster.pid").read_text().split()[0]
        for process in pathlib.Path("/proc").iterdir():
            if process.name.isdigit():
                with contextlib.suppress(OSError):
                    if os.readlink(process / "cwd").startswith(self.directory):
                        total += cpu_of(process.name, with_children=process.name == postmaster)
        return total


@contextlib.contextmanager
def postgresql(grantd, root):
    fixture = pathlib.Path(grantd).parent / "tests/postgres_fixture"
    address = root / "postgres"
    said = subprocess.run([fixture, "start", address, "durable"], check=True, capture_output=True, text=True)
    if not address.exists():
        sys.exit(said.stdout)
    try:
        directory, port, url = address.read_text().split()
        yield Postgres(url, directory)
    finally:
        subprocess.run([fixture, "stop", address], check=True)


class Node:
    def __init__(self, grantd, root, directory, url):
        self.grantd, self.root, self.directory = grantd, root, directory
        self.port, self.ops_port = free_port(), free_port()
        directory.mkdir()
        keys = {"rotate_every": "never"}
        if url.startswith("postgresql:"):
            keys |= {"store": "database", "wrapping_key_file": str(root / "wrapping-key")}
        tls = {"certificate_file": str(root / "server.crt"), "private_key_file": str(root / "server.key")}
        self.config = directory / "grantd.json"
        self.config.write_text(json.dumps({
            "issuer": "https://auth.example.com",
            "listen": {"address": "127.0.0.1", "port": self.port, "workers": 1, "tls": tls},
            "ops": {"address": "127.0.0.1", "port": self.ops_port},
            "storage": {"url": url, "pepper_file": str(root / "pepper")},
            "keys": keys, "log": {"level": "warn"}}))

    def command(self, *arguments):
        done = subprocess.run([self.grantd, *arguments, "--json", "--config", self.config],
                              capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"grantd {arguments[0]}: {done.stderr}")
        return json.loads(done.stdout) if done.stdout.startswith(("{", "[")) else None

    def start(self):
        self.process = subprocess.Popen([self.grantd, "serve", "--config", self.config],
                                        stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{self.ops_port}/readyz", timeout=2)
                return
            time.sleep(0.05)
        self.stop()
        sys.exit("a node is not ready")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)


@contextlib.contextmanager
def cluster(grantd, root, urls):
    """Nodes on these databases, and the Authorization of a client of theirs."""
    with tempfile.TemporaryDirectory(dir=root) as name:
        nodes = [Node(grantd, root, pathlib.Path(name) / f"node{i}", url) for i, url in enumerate(urls)]
        nodes[0].command("migrate")
        client = "bench-" + secrets.token_hex(4)
        secret = nodes[0].command("client", "create", client, "--audience", API)["client_secret"]
        started = []
        try:
            for node in nodes:
                node.start()
                started.append(node)
            credentials = base64.b64encode(f"{client}:{secret}".encode()).decode()
            yield nodes, f"Basic {credentials}"
        finally:
            for node in started:
                node.stop()


@contextlib.contextmanager
def haproxy(root, nodes):
    port = free_port()
    servers = "".join(f"  server node{i} 127.0.0.1:{node.port}\n" for i, node in enumerate(nodes))
    (root / "haproxy.cfg").write_text(
        "defaults\n  mode tcp\n  timeout connect 2s\n  timeout client 60s\n  timeout server 60s\n"
        f"listen nodes\n  bind 127.0.0.1:{port}\n  balance roundrobin\n{servers}")
    gateways = pathlib.Path("build/tools/gateways/usr/sbin/haproxy").resolve()
    program = shutil.which("haproxy", path=os.environ["PATH"] + ":/usr/sbin") or str(gateways)
    process = subprocess.Popen([program, "-db", "-f", root / "haproxy.cfg"], stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            time.sleep(0.02)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def free_port():
    """Below the range that outgoing connections take their ports from."""
    while True:
        port = 20000 + secrets.randbelow(12000)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


# --- tokens -----------------------------------------------------------------------------------

def cpu_of(pid, with_children=False):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(ticks) for ticks in fields[11:15 if with_children else 13]) / TICKS


def measure(grantd, root, name, urls, postgres, seconds):
    with cluster(grantd, root, urls) as (nodes, authorization), haproxy(root, nodes) as port:
        script = root / "wrk.lua"
        script.write_text(WRK % authorization)
        script.chmod(0o600)

        def load(duration):
            done = subprocess.run(["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{duration}s", "-s", script,
                                   f"https://127.0.0.1:{port}/token"],
                                  check=True, capture_output=True, text=True)
            tokens, microseconds = done.stderr.split()
            return int(tokens), int(microseconds) / 1e6

        load(1)  # every node has met the client
        before = [cpu_of(node.process.pid) for node in nodes]
        database = postgres.cpu_seconds() if postgres else 0.0
        tokens, took = load(seconds)
        each = [cpu_of(node.process.pid) - was for node, was in zip(nodes, before)]
        database = postgres.cpu_seconds() - database if postgres else 0.0
    if tokens == 0:
        sys.exit("no token was issued")
    return {"name": name, "nodes": len(nodes), "rate": tokens / took, "each": each,
            "cpu": sum(each) / tokens * 1e6, "database": database / tokens * 1e6}


def show(rows):
    base = rows[0]
    print(f"/token, {CONNECTIONS} connections by HAProxy, all on {os.cpu_count()} cores; SQLite is 1.00")
    print(f"{'storage':<11}{'nodes':>6}{'tokens/s':>10}{'ratio':>7}{'nodes CPU/token':>17}{'ratio':>7}"
          f"{'PostgreSQL CPU/token':>22}{'share of each node':>27}")
    for row in rows:
        total = sum(row["each"]) or 1
        shares = " ".join(f"{cpu / total:.0%}" for cpu in row["each"])
        print(f"{row['name']:<11}{row['nodes']:>6}{row['rate']:>10.0f}{row['rate'] / base['rate']:>7.2f}"
              f"{row['cpu']:>14.0f} us{row['cpu'] / base['cpu']:>7.2f}"
              f"{row['database']:>13.1f} us {row['database'] / base['cpu']:>5.3f}{shares:>27}")


# --- revocations ------------------------------------------------------------------------------

class Client:
    def __init__(self, root, node, authorization):
        context = ssl.create_default_context(cafile=root / "server.crt")
        self.connection = http.client.HTTPSConnection("localhost", node.port, context=context, timeout=20)
        self.headers = {"Authorization": authorization,
                        "Content-Type": "application/x-www-form-urlencoded"}

    def post(self, path, form):
        self.connection.request("POST", path, form, self.headers)
        response = self.connection.getresponse()
        body = response.read().decode()
        if response.status != 200:
            raise RuntimeError(f"{path}: {response.status} {body}")
        return json.loads(body) if body else None


def revocations(grantd, root, postgres):
    took = []

    def run(index, nodes, authorization):
        clients = [Client(root, node, authorization) for node in nodes]
        for _ in range(REVOCATIONS_EACH):
            # Else each would come just after the nodes have looked, as the one before was noticed then.
            time.sleep(secrets.randbelow(250) / 1000)
            token = clients[index].post("/token", "grant_type=client_credentials")["access_token"]
            clients[(index + 1) % len(clients)].post("/revoke", f"token={token}")
            began = time.monotonic()
            for client in clients:
                while client.post("/introspect", f"token={token}")["active"]:
                    time.sleep(0.005)
            took.append((time.monotonic() - began) * 1000)

    with cluster(grantd, root, [postgres.url] * 3) as (nodes, authorization):
        threads = [threading.Thread(target=run, args=(i, nodes, authorization)) for i in range(len(nodes))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    if len(took) != len(threads) * REVOCATIONS_EACH:
        sys.exit("not every revocation could be measured")
    print(f"a revocation is in force on all {len(nodes)} nodes after {statistics.median(took):.0f} ms (median), "
          f"{max(took):.0f} ms (worst of {len(took)})")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 5)
