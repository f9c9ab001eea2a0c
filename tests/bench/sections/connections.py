"""New connections and idle ones, beside nginx with the same certificate."""

import contextlib
import json
import statistics
import subprocess
import sys
import time

from harness.load import median, post_token
from harness.nginx import Nginx
from harness.report import time_text
from sections.requests import jwks_of

NEW_SECONDS = 2
BUSY_CONNECTIONS = 200
WARMING_CONNECTIONS = 10


def both(bench, stack, name, settings=None):
    """A running grantd with a client, and an nginx that serves its JWKS."""
    node = bench.node(name, settings)
    authorization = node.create_client("bench")
    stack.enter_context(node.running())
    return node, authorization, stack.enter_context(Nginx(bench.root, jwks_of(bench, node)).running())


# --- new ones ---------------------------------------------------------------------------------

def connections(bench):
    """CPU of connect, handshake, one request and close."""
    with contextlib.ExitStack() as stack:
        node, _, nginx = both(bench, stack, "connections")
        for mode in ("full", "resumed"):
            ours, theirs = [], []
            for _ in range(bench.rounds):
                ours.append(connect(bench, node, mode))
                theirs.append(connect(bench, nginx, mode))
            report_new(bench.report, mode, ours, theirs)


def connect(bench, server, mode):
    """CPU microseconds of one connection, and the share of those that were resumed."""
    before = server.cpu_seconds()
    done = subprocess.run([bench.program("tls_connections"), mode, str(server.port), str(NEW_SECONDS)],
                          check=True, capture_output=True, text=True)
    made = json.loads(done.stdout)
    return (server.cpu_seconds() - before) / made["connections"] * 1e6, made["resumed"] / made["connections"]


def report_new(to, mode, ours, theirs):
    ratio = statistics.median(our[0] / their[0] for our, their in zip(ours, theirs))
    our_us, their_us = (statistics.median(cpu for cpu, _ in runs) for runs in (ours, theirs))
    how = f"{our_us:.0f} µs of CPU against {their_us:.0f} µs"
    if mode == "resumed":
        how += f"; resumed {ours[-1][1]:.0%} and {theirs[-1][1]:.0%} of them, by a client that uses each ticket once"
    to.target(f"new connection, {mode} handshake, one request", "beside nginx", f"{ratio:.2f} ×", how,
              ratio=ratio, cpu_us=our_us, nginx_us=their_us, resumed=ours[-1][1])


# --- idle ones --------------------------------------------------------------------------------

def idle(bench):
    """Memory of open connections; and tokens for busy ones while they are open."""
    count = bench.idle_connections
    # The time-out is longer than the run: else the first would be closed while the last are opened.
    limits = {"limits": {"connections": count + BUSY_CONNECTIONS + 100, "idle_timeout": "10m"}}
    with contextlib.ExitStack() as stack:
        node, authorization, nginx = both(bench, stack, "idle", limits)

        def busy():
            return [bench.wrk(node, "/token", post_token(authorization), BUSY_CONNECTIONS)
                    for _ in range(bench.rounds)]

        growth = {}
        for server in (nginx, node):
            with held_open(bench, server, WARMING_CONNECTIONS):
                pass  # what a first connection takes is no part of the growth
            before = server.rss()
            with held_open(bench, server, count):
                growth[server] = (server.rss() - before) / count
                crowd = busy() if server is node else None
        quiet = busy()
    report_idle(bench.report, count, growth[node], growth[nginx])
    report_busy(bench.report, count, median(crowd), median(quiet))


@contextlib.contextmanager
def held_open(bench, server, count):
    client = subprocess.Popen([bench.program("tls_connections"), "idle", str(server.port), str(count)],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    if not client.stdout.readline():
        sys.exit("the idle connections could not be opened")
    try:
        yield
    finally:
        client.stdin.close()
        client.wait()
    time.sleep(1)  # until the server has noticed


def report_idle(to, count, ours, theirs):
    to.target("idle TLS connection", "≤ 20 KB", f"{ours / 1000:.1f} KB",
              f"growth of resident memory with {count:,}, each idle after one request; {ours / theirs:.2f} × nginx's "
              f"{theirs / 1000:.1f} KB", bytes=ours, nginx_bytes=theirs, connections=count)


def report_busy(to, count, crowd, quiet):
    ratio = crowd.cpu_us / quiet.cpu_us
    to.target(f"{BUSY_CONNECTIONS} busy connections beside {count:,} idle ones", "all are answered",
              f"{crowd.refused:.0f} refused, {crowd.broken:.0f} broken",
              f"{crowd.rate:,.0f} tokens/s at {ratio:.2f} × the CPU without the idle ones; p99 "
              f"{time_text(crowd.p99_us)}, without them {time_text(quiet.p99_us)}",
              rate=crowd.rate, ratio=ratio, p99_us=crowd.p99_us, refused=crowd.refused, broken=crowd.broken)
