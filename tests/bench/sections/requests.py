"""Token, JWKS and introspection over kept-alive connections."""

import contextlib
import pathlib
import statistics
import urllib.request

from harness.load import median, post_each, post_token, ratio_of
from harness.nginx import JWKS, MEMORY, Nginx
from harness.report import time_text
from harness.server import API, tls_context

CONNECTIONS = (1, 8, 64)
INTROSPECTED_TOKENS = 1000
INTROSPECTION_ALLOWANCE_US = 10


def requests(bench):
    node = bench.node("requests")
    authorization = node.create_client("bench", "--scope", "read write", "--serves", API)
    with contextlib.ExitStack() as stack:
        stack.enter_context(node.running())
        nginx = stack.enter_context(Nginx(bench.root, jwks_of(bench, node)).running())
        tokens = bench.keep_tokens(node, authorization, INTROSPECTED_TOKENS, "introspected")
        loads = {"token": (node, "/token", post_token(authorization)),
                 "jwks": (node, JWKS, ""),
                 "file": (nginx, JWKS, ""),
                 "memory": (nginx, MEMORY, ""),
                 "introspect": (node, "/introspect", post_each(authorization, tokens))}
        for connections in CONNECTIONS:
            report(bench.report, connections, *measure(bench, node, loads, connections))


def jwks_of(bench, node):
    return urllib.request.urlopen(node.url + JWKS, context=tls_context(bench.root)).read().decode()


def measure(bench, node, loads, connections):
    """The runs of each load, the bare operations before each round, and what introspections had read from the disk."""
    runs, bare, octets = {name: [] for name in loads}, [], 0
    for _ in range(bench.rounds):
        bare.append(bench.bare_signature())
        for name, (server, path, lua) in loads.items():
            read_before = octets_read(node)
            runs[name].append(bench.wrk(server, path, lua, connections))
            if name == "introspect":
                octets += octets_read(node) - read_before
    return runs, bare, octets


def octets_read(node):
    """That the process had fetched from the disk."""
    text = pathlib.Path(f"/proc/{node.process.pid}/io").read_text()
    return int(text.partition("\nread_bytes: ")[2].split()[0])


def report(to, connections, runs, bare, octets):
    token, jwks, introspect = (median(runs[name]) for name in ("token", "jwks", "introspect"))
    signatures = [each["sign_us"] for each in bare]
    file, memory = ([run.cpu_us for run in runs[name]] for name in ("file", "memory"))
    floor = [run.cpu_us + each["verify_us"] + INTROSPECTION_ALLOWANCE_US for run, each in zip(runs["jwks"], bare)]
    to_signature, to_file = ratio_of(runs["token"], signatures), ratio_of(runs["jwks"], file)
    to_memory, to_floor = ratio_of(runs["jwks"], memory), ratio_of(runs["introspect"], floor)

    to.endpoint("token", connections, token, to_signature, "signature")
    to.endpoint("JWKS", connections, jwks, to_file, "nginx")
    to.endpoint("introspection", connections, introspect, ratio_of(runs["introspect"], signatures), "signature")
    if connections == 1:
        return  # no row of the targets
    to.target(f"RS256 token, {connections} kept-alive connections, OpenSSL signer", "ratio ≤ 1.08",
              f"{to_signature:.2f}",
              f"{token.cpu_us:.0f} µs of CPU against {statistics.median(signatures):.0f} µs for a bare signature; "
              f"{token.rate:,.0f} tokens/s",
              ratio=to_signature, cpu_us=token.cpu_us, signature_us=statistics.median(signatures), rate=token.rate)
    if connections == 8:
        to.target("p99 of tokens at 8 connections, saturated", "≤ 2 × the median", f"{token.tail:.1f} ×",
                  f"{time_text(token.p99_us)} against {time_text(token.p50_us)}", ratio=token.tail)
    to.target(f"JWKS, {connections} kept-alive connections", "CPU ≤ nginx serving the same bytes",
              f"{to_file:.2f} ×",
              f"{jwks.cpu_us:.1f} µs against {statistics.median(file):.1f} µs for a file; {to_memory:.2f} × the "
              f"{statistics.median(memory):.1f} µs of nginx's `return`",
              ratio=to_file, ratio_to_memory=to_memory, cpu_us=jwks.cpu_us)
    to.target(f"introspection, {connections} kept-alive connections",
              f"CPU ≤ JWKS + one RS256 verification + {INTROSPECTION_ALLOWANCE_US} µs; no disk read",
              f"{to_floor:.2f} ×; {octets} octets read",
              f"{introspect.cpu_us:.1f} µs against {statistics.median(floor):.1f} µs",
              ratio=to_floor, cpu_us=introspect.cpu_us, disk_read_bytes=octets)
