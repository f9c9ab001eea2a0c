"""What was reached of docs/performance.md's targets: `targets.py GRANTD [--quick] [--json FILE] [SECTION...]`.

The real binary with its default log, written to a file, under load by wrk on the same machine. A figure is
the median of short runs that alternate with runs of what it is a ratio to: a bare RS256 signature, or nginx
with the same bytes and certificate. Prints Markdown for docs/performance.md and writes JSON
(build/bench/latest.json). Needs wrk, nginx and what `./dev bench` builds; asserts nothing.
"""

import argparse
import pathlib
import subprocess

from harness.load import bare_signature, post_token, post_token_and_keep, wrk
from harness.report import Report
from harness.server import Node, workplace
from sections.connections import connections, idle
from sections.requests import requests
from sections.revocations import revocations
from sections.scale import scale, start
from sections.signer import signer

SECTIONS = {section.__name__: section
            for section in (requests, revocations, connections, idle, start, scale, signer)}
# Tokens must live as long as a run; all else is as it comes.
SETTINGS = {"tokens": {"lifetime": "1h"}}


class Bench:
    """What the sections share. Durations are seconds."""

    def __init__(self, grantd, root, report, quick):
        self.grantd, self.root, self.report = grantd, root, report
        self.rounds, self.seconds = (1, 1) if quick else (5, 3)
        self.idle_connections = 2_000 if quick else 10_000
        self.many = 100_000 if quick else 1_000_000

    def node(self, name, settings=None):
        """A grantd that does not run yet, with its schema."""
        made = Node(self.grantd, self.root, self.root / name, SETTINGS | (settings or {}))
        made.command("migrate")
        return made

    def wrk(self, server, path, lua, connections, seconds=None):
        return wrk(server.url + path, lua, connections, seconds or self.seconds, self.root, server)

    def bare_signature(self):
        return bare_signature(self.grantd)

    def program(self, name):
        """One of tests/bench, built."""
        return pathlib.Path(self.grantd).parent / "tests/bench" / name

    def keep_tokens(self, node, authorization, count, name):
        """A file with at least as many live tokens, all issued by the node, one a line."""
        file, have = self.root / name, 0
        file.unlink(missing_ok=True)
        rate = self.wrk(node, "/token", post_token(authorization), 16, 1).rate
        while have < count:
            seconds = max(1, round((count - have) / rate * 1.2))
            self.wrk(node, "/token", post_token_and_keep(authorization, file), 16, seconds)
            have = file.read_bytes().count(b"\n")
        return file


def main():
    parser = argparse.ArgumentParser(description="What was reached of the targets of docs/performance.md.")
    parser.add_argument("grantd")
    parser.add_argument("sections", nargs="*", metavar="SECTION", help="all, or some of: " + ", ".join(SECTIONS))
    parser.add_argument("--quick", action="store_true", help="one short run of each, a tenth of the clients")
    parser.add_argument("--json", default="build/bench/latest.json", metavar="FILE")
    options = parser.parse_intermixed_args()
    unknown = [name for name in options.sections if name not in SECTIONS]
    if unknown:
        parser.error(f"no section {unknown[0]}; there are {', '.join(SECTIONS)}")
    report = Report(" ".join(["./dev bench", *(["--quick"] if options.quick else []), "targets", *options.sections]))
    with workplace() as root:
        bench = Bench(options.grantd, root, report, options.quick)
        for name in options.sections or SECTIONS:
            print(f"\n-- {name}", flush=True)
            try:
                SECTIONS[name](bench)
            except (SystemExit, OSError, subprocess.SubprocessError) as fault:
                report.target(name, "", "not measured", str(fault).replace("\n", " "))
    report.write(options.json)
    print(f"\n{report.markdown()}\n\nas JSON: {options.json}")


if __name__ == "__main__":
    main()
