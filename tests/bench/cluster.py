"""What several nodes on one PostgreSQL cost: `cluster.py GRANTD [SECONDS]`.

Starts a PostgreSQL (fsync on), one, two and three nodes behind HAProxy, and loads /token with wrk for
SECONDS (5) each; beside them one node on SQLite, to which all is a ratio. On a machine with few cores
more nodes serve no more tokens, so what counts is CPU: per token for all nodes' processes together,
and for all of PostgreSQL's. Then measures how long a revocation takes, from its 200 on, until no node
says that the token is active. Python's standard library, openssl, wrk, HAProxy; asserts nothing.
"""

import contextlib
import http.client
import json
import os
import pathlib
import secrets
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from harness.load import FORM, post_token, wrk
from harness.server import (Node, cpu_of, free_port, program, tls_context, wait_for_port, workplace,
                            write_private)

CONNECTIONS = 24
REVOCATIONS_EACH = 40
DATABASE_KEYS = {"store": "database", "wrapping_key_file": "../../wrapping-key"}


def main(grantd, seconds):
    with contextlib.ExitStack() as stack:
        root = stack.enter_context(workplace())
        write_private(root / "wrapping-key", secrets.token_hex(32) + "\n")
        postgres = stack.enter_context(postgresql(grantd, root))
        rows = [measure(grantd, root, "SQLite", ["sqlite:grantd.db"], None, seconds)]
        for count in (1, 2, 3):
            rows.append(measure(grantd, root, "PostgreSQL", [postgres.url] * count, postgres, seconds))
        show(rows)
        revocations(grantd, root, postgres)


# --- what runs --------------------------------------------------------------------------------

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


@contextlib.contextmanager
def cluster(grantd, root, urls):
    """Nodes on these databases, and the Authorization of a client of theirs."""
    with tempfile.TemporaryDirectory(dir=root) as name, contextlib.ExitStack() as stack:
        nodes = [Node(grantd, root, pathlib.Path(name) / f"node{i}", {
            "listen": {"workers": 1}, "storage": {"url": url}, "log": {"level": "warn"},
            "keys": DATABASE_KEYS if url.startswith("postgresql:") else {}}) for i, url in enumerate(urls)]
        nodes[0].command("migrate")
        authorization = nodes[0].create_client("bench-" + secrets.token_hex(4))
        for node in nodes:
            stack.enter_context(node.running())
        yield nodes, authorization


@contextlib.contextmanager
def haproxy(root, nodes):
    port = free_port()
    servers = "".join(f"  server node{i} 127.0.0.1:{node.port}\n" for i, node in enumerate(nodes))
    (root / "haproxy.cfg").write_text(
        "defaults\n  mode tcp\n  timeout connect 2s\n  timeout client 60s\n  timeout server 60s\n"
        f"listen nodes\n  bind 127.0.0.1:{port}\n  balance roundrobin\n{servers}")
    process = subprocess.Popen([program("haproxy"), "-db", "-f", root / "haproxy.cfg"], stderr=subprocess.DEVNULL)
    try:
        wait_for_port(port)
        yield port
    finally:
        process.terminate()
        process.wait(10)


# --- tokens -----------------------------------------------------------------------------------

def measure(grantd, root, name, urls, postgres, seconds):
    with cluster(grantd, root, urls) as (nodes, authorization), haproxy(root, nodes) as port:

        def load(duration):
            return wrk(f"https://127.0.0.1:{port}/token", post_token(authorization), CONNECTIONS, duration, root)

        load(1)  # every node has met the client
        before = [node.cpu_seconds() for node in nodes]
        database = postgres.cpu_seconds() if postgres else 0.0
        loaded = load(seconds)
        each = [node.cpu_seconds() - was for node, was in zip(nodes, before)]
        database = postgres.cpu_seconds() - database if postgres else 0.0
    tokens = loaded.requests - loaded.refused
    if tokens == 0:
        sys.exit("no token was issued")
    return {"name": name, "nodes": len(nodes), "rate": loaded.rate, "each": each,
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
        self.connection = http.client.HTTPSConnection("localhost", node.port, context=tls_context(root), timeout=20)
        self.headers = {"Authorization": authorization, "Content-Type": FORM}

    def post(self, path, form):
        while True:
            self.connection.request("POST", path, form, self.headers)
            response = self.connection.getresponse()
            body = response.read().decode()
            if response.status != 503:  # on a busy machine a node may not know just now
                break
            time.sleep(0.005)
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
