"""Durable revocations, each of a live token that grantd issued before and that nobody revoked yet."""

import os
import statistics
import time

from harness.load import median, post_each, ratio_of

CONNECTIONS = (1, 8, 64)
ROUNDS = 3
SECONDS = 2
SYNCS = 200
SYNC_BYTES = 4096


def revocations(bench):
    node = bench.node("revocations")
    authorization = node.create_client("bench")
    with node.running():
        for connections in CONNECTIONS:
            measure(bench, node, authorization, connections)


def measure(bench, node, authorization, connections):
    runs, signatures, syncs, again = [], [], [], 0
    count = 1000  # a first short run, which does not count, says how many tokens a run takes
    for number in range(min(bench.rounds, ROUNDS) + 1):
        tokens = bench.keep_tokens(node, authorization, count, "revoked")
        signatures.append(bench.bare_signature()["sign_us"])
        syncs.append(sync_us(bench.root))
        load = bench.wrk(node, "/revoke", post_each(authorization, tokens), connections, SECONDS if number else 1)
        count = round(load.rate * SECONDS * 1.5)
        if number > 0:
            runs.append(load)
            again += max(0, load.requests - tokens.read_bytes().count(b"\n"))
    load, sync = median(runs), statistics.median(syncs)
    bench.report.endpoint("revocation", connections, load, ratio_of(runs, signatures[1:]), "signature")
    if connections == CONNECTIONS[-1]:
        bench.report.target(
            f"durable revocations at {connections} connections", "≥ 20,000/s, each on disk before its 200",
            f"{load.rate:,.0f}/s",
            f"{load.rate * sync / 1e6:.1f} for each fdatasync of {sync:.0f} µs that the disk could do; "
            f"{load.cpu_us:.0f} µs of CPU; {load.refused:.0f} refused; {again} of a token that was revoked already",
            rate=load.rate, fdatasync_us=sync, cpu_us=load.cpu_us, refused=load.refused, revoked_already=again)


def sync_us(directory):
    """How long the disk takes for a page appended and synced."""
    path = directory / "synced"
    with open(path, "wb", buffering=0) as file:
        begun = time.perf_counter()
        for _ in range(SYNCS):
            file.write(bytes(SYNC_BYTES))
            os.fdatasync(file.fileno())
        took = time.perf_counter() - begun
    path.unlink()
    return took / SYNCS * 1e6
