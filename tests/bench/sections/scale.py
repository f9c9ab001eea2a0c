"""Start, memory, and what a million clients and as many live revocations do to them and to tokens."""

import socket
import statistics
import sys
import time

import scale_data
from harness.load import FORM, TOKEN_FORM, median, post_each, post_token_as_any, ratio_of
from harness.report import time_text
from harness.server import START_SECONDS, tls_context

STARTS = 9
STARTS_AT_SCALE = 4
FEW = 10
CONNECTIONS = 8
INTROSPECTED_TOKENS = 1000
RETRY_SECONDS = 0.0002
SETTLE_SECONDS = 1


def first_token(bench, node, authorization):
    """Milliseconds from the spawn on until a client that asks again and again has a token, and those of
    CPU that the node took for it; it runs on."""
    context = tls_context(bench.root)
    request = (f"POST /token HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: {authorization}\r\n"
               f"Content-Type: {FORM}\r\nContent-Length: {len(TOKEN_FORM)}\r\n\r\n{TOKEN_FORM}").encode()
    begun = time.perf_counter()
    node.spawn()
    while time.perf_counter() - begun < START_SECONDS:
        try:
            with socket.create_connection(("127.0.0.1", node.port)) as plain:
                with context.wrap_socket(plain, server_hostname="localhost") as connection:
                    connection.sendall(request)
                    if connection.recv(4096).startswith(b"HTTP/1.1 200 "):
                        return (time.perf_counter() - begun) * 1000, node.cpu_seconds() * 1000
        except OSError:
            time.sleep(RETRY_SECONDS)
    sys.exit("grantd issued no token")


def starts(bench, node, authorization, count):
    """first_token() of each start but the first, which makes the key; runs on after the last."""
    took = [first_token(bench, node, authorization)]
    for _ in range(count - 1):
        node.stop()
        took.append(first_token(bench, node, authorization))
    return took[1:]


def report_start(to, what, target, took):
    wall, cpu = zip(*took)
    middle, cpu_ms = statistics.median(wall), statistics.median(cpu)
    to.target(f"start to first token, {what}", target, f"{middle:.0f} ms",
              f"spawn to the first 200; median of {len(took)}, {min(wall):.0f} to {max(wall):.0f} ms; "
              f"{cpu_ms:.0f} ms of CPU", ms=middle, cpu_ms=cpu_ms)


def start(bench):
    node = bench.node("start")
    authorization = [node.create_client(f"bench-{number}") for number in range(FEW)][0]
    took = starts(bench, node, authorization, STARTS)
    time.sleep(SETTLE_SECONDS)
    memory = node.rss()
    node.stop()
    report_start(bench.report, f"{FEW} clients", "≤ 50 ms", took)
    bench.report.target("memory, idle", "≤ 16 MB", f"{memory / 1e6:.1f} MB", "resident, after the first token",
                        bytes=memory)


# --- many clients -----------------------------------------------------------------------------

class Filled:
    """A node whose database was filled, and the credentials of its clients."""

    def __init__(self, bench, clients, revocations):
        self.node, self.clients = bench.node(f"scale-{clients}"), clients
        self.credentials = bench.root / f"credentials-{clients}"
        scale_data.fill(self.node.grantd, self.node.config, clients, revocations, self.credentials)
        with open(self.credentials, encoding="ascii") as lines:
            self.authorization = "Basic " + lines.readline().strip()
        self.as_any = post_token_as_any(self.credentials, scale_data.CREDENTIAL_BYTES, clients)


def scale(bench):
    """Two nodes, one with ten clients and one with many, loaded in turn."""
    few, many = Filled(bench, FEW, 0), Filled(bench, bench.many, bench.many)
    what = f"{bench.many:,} clients and as many live revocations"
    try:
        report_start(bench.report, what, "≤ 1 s", starts(bench, many.node, many.authorization, STARTS_AT_SCALE))
        time.sleep(SETTLE_SECONDS)
        unloaded = many.node.rss()
        with few.node.running():
            random_clients(bench, few, many)
            loaded = many.node.rss()
            introspection(bench, few, many)
    finally:
        many.node.stop()
    bench.report.target(f"memory, {what}", "≤ 120 MB", f"{loaded / 1e6:.1f} MB",
                        f"resident, after tokens for clients at random; {unloaded / 1e6:.1f} MB after the first token",
                        bytes=loaded, unloaded_bytes=unloaded)


def in_turn(bench, few, many, path, scripts):
    """The median of many's runs, of few's, and of the ratios of their CPU a request."""
    runs = {few: [], many: []}
    for filled in (few, many) * (bench.rounds + 1):
        runs[filled].append(bench.wrk(filled.node, path, scripts[filled], CONNECTIONS))
    ours, theirs = runs[many][1:], runs[few][1:]  # the first fills the caches
    return median(ours), median(theirs), ratio_of(ours, [run.cpu_us for run in theirs])


def random_clients(bench, few, many):
    load, base, ratio = in_turn(bench, few, many, "/token", {each: each.as_any for each in (few, many)})
    bench.report.target(f"token with {many.clients:,} clients, uniformly at random, against {FEW}", "≤ 1.05 ×",
                        f"{ratio:.2f} ×",
                        f"{load.cpu_us:.0f} µs against {base.cpu_us:.0f} µs of CPU at {CONNECTIONS} connections; "
                        f"p99 {time_text(load.p99_us)} against {time_text(base.p99_us)}; {load.refused:.0f} refused",
                        ratio=ratio, cpu_us=load.cpu_us, refused=load.refused)


def introspection(bench, few, many):
    scripts = {}
    for each in (few, many):
        tokens = bench.keep_tokens(each.node, each.authorization, INTROSPECTED_TOKENS, f"tokens-{each.clients}")
        scripts[each] = post_each(each.authorization, tokens)
    load, base, ratio = in_turn(bench, few, many, "/introspect", scripts)
    bench.report.target(f"introspection with {many.clients:,} live revocations, against none", "the same",
                        f"{ratio:.2f} ×", f"{load.cpu_us:.1f} µs against {base.cpu_us:.1f} µs of CPU", ratio=ratio)
