"""Tokens with signatures made eight at once, where the processor and the distribution allow it."""

import contextlib
import ctypes
import pathlib
import sys

from harness.load import median, post_token, ratio_of
from harness.report import time_text

TARGETS = {8: "beside it", 64: "ratio ≤ 0.35, every signature blinded and verified"}
LIBRARY = "libcrypto_mb.so.11"  # as in server/keys/multi_buffer_rsa.h


def signer(bench):
    missing = what_is_missing()
    if missing:
        for connections, target in TARGETS.items():
            bench.report.target(what(connections), target, "not measured", missing)
        return
    node = bench.node("signer", {"keys": {"rotate_every": "never", "signer": "multi-buffer"}})
    authorization = node.create_client("bench")
    with node.running():
        if 'grantd_signer_info{signer="multi-buffer"} 1' not in node.metrics():
            sys.exit("grantd does not sign by libcrypto_mb though it is here: see its signer_unavailable")
        for connections, target in TARGETS.items():
            runs, signatures = [], []
            for _ in range(bench.rounds):
                signatures.append(bench.bare_signature()["sign_us"])
                runs.append(bench.wrk(node, "/token", post_token(authorization), connections))
            load, ratio = median(runs), ratio_of(runs, signatures)
            bench.report.endpoint("token, multi-buffer", connections, load, ratio, "signature")
            bench.report.target(what(connections), target, f"{ratio:.2f}",
                                f"{load.cpu_us:.0f} µs of CPU; {load.rate:,.0f} tokens/s, "
                                f"p99 {time_text(load.p99_us)}",
                                ratio=ratio, cpu_us=load.cpu_us, rate=load.rate)


def what(connections):
    return f"RS256 token, {connections} kept-alive connections, multi-buffer signer"


def what_is_missing():
    if "avx512ifma" not in pathlib.Path("/proc/cpuinfo").read_text():
        return "the processor has no AVX-512 IFMA"
    with contextlib.suppress(OSError):
        ctypes.CDLL(LIBRARY)
        return ""
    return "no libcrypto_mb here: Debian 13 and Ubuntu 24.04 have it (`./dev debian13`)"
