#!/usr/bin/python3
"""Runs the examples with the real grantd; `./dev example` and `./dev interop` call it.

    run.py GRANTD example NAME [--keep]   one request, shown step by step
    run.py GRANTD interop [NAME...]       every scenario of these examples, or of all, as tests;
                                          --only WORDS: those whose sentence holds them

`interop` prints a line a scenario and, last, one line `N passed, N failed, N skipped`; an example
that cannot be built here is skipped as one. Its exit status is not 0 where anything failed.
"""

import argparse
import pathlib
import signal
import sys
import tempfile
import time
import traceback

from harness import demo, example
from harness.failure import Failure, Skipped
from harness.scenarios import SCENARIOS
from harness.system import System

SHOWN_LINES = 40  # of each log, where something failed


class Counts:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def line(self, verdict, name, what, seconds=None, note=None):
        setattr(self, verdict, getattr(self, verdict) + 1)
        took = "" if seconds is None else f"  ({seconds:.1f} s)"
        print(f"{verdict:8}{name}: {what}{took}", flush=True)
        if note:
            print(f"{'':8}{note}", flush=True)


def main():
    # Stopped from outside, everything that was started is stopped in turn.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have it ignored
    arguments = parse()
    try:
        if arguments.command == "example":
            return show(arguments.grantd, example.Example(arguments.name), arguments.keep)
        return test(arguments.grantd, arguments.names or example.names(), arguments.only)
    except KeyboardInterrupt:
        return 130


def parse():
    parser = argparse.ArgumentParser(description="runs the examples with the real grantd")
    parser.add_argument("grantd", type=lambda name: pathlib.Path(name).resolve())
    commands = parser.add_subparsers(dest="command", required=True)
    shown = commands.add_parser("example")
    shown.add_argument("name")
    shown.add_argument("--keep", action="store_true")
    tested = commands.add_parser("interop")
    tested.add_argument("names", nargs="*")
    tested.add_argument("--only", default="", metavar="WORDS")
    return parser.parse_args()


def show(grantd, one, keep):
    with tempfile.TemporaryDirectory(prefix=f"grantd-{one.name}-") as name:
        directory = pathlib.Path(name)
        print(f"{one.title}\nbuilding …", flush=True)
        try:
            one.build(directory / "build.log")
            print("starting …", flush=True)
            with System(one, grantd, directory) as system:
                system.start()
                getattr(one.module(), "demo", demo.walk)(system)
                if keep:
                    demo.keep(system)
        except Skipped as reason:
            print(f"{one.name} cannot be built here: {reason}")
            return example.SKIPPED_STATUS
        except Failure as failure:
            print(f"failed: {failure}")
            show_logs(directory)
            return 1
    return 0


def test(grantd, names, only):
    counts = Counts()
    for name in names:
        with tempfile.TemporaryDirectory(prefix=f"grantd-{name}-") as directory:
            before = counts.failed
            try:
                test_one(grantd, example.Example(name), pathlib.Path(directory), only, counts)
            except Skipped as reason:
                counts.line("skipped", name, str(reason))
            except Failure as failure:
                counts.line("failed", name, str(failure))
            if counts.failed > before:
                show_logs(pathlib.Path(directory))
    print(f"\n{counts.passed} passed, {counts.failed} failed, {counts.skipped} skipped")
    return 1 if counts.failed else 0


def test_one(grantd, one, directory, only, counts):
    print(f"== {one.name}: {one.title}", flush=True)
    started = time.monotonic()
    one.build(directory / "build.log")
    built = time.monotonic()
    with System(one, grantd, directory) as system:
        system.start()
        meanwhile = ", answers 503" if one.kind == "services" else ""
        counts.line("passed", one.name, f"It starts before grantd{meanwhile}, and is ready once that is there",
                    time.monotonic() - built, f"built in {built - started:.1f} s")
        scenarios = [*getattr(one.module(), "SCENARIOS", [])]
        if one.kind == "services":
            scenarios += SCENARIOS
        for sentence, scenario in scenarios:
            if only.lower() in sentence.lower():
                run(one, system, sentence, scenario, counts)
    # Else the `with` has raised a Failure, which is counted in this line's stead.
    counts.line("passed", one.name, "It ends in good order and printed no secret and no token")


def run(one, system, sentence, scenario, counts):
    started = time.monotonic()
    try:
        note = scenario(system)
        counts.line("passed", one.name, sentence, time.monotonic() - started, note)
    except Failure as failure:
        counts.line("failed", one.name, sentence, time.monotonic() - started, str(failure))
    except Exception:  # a mistake in the scenario, or an answer that is not what it seems
        counts.line("failed", one.name, sentence, time.monotonic() - started,
                    traceback.format_exc())


def show_logs(directory):
    for log in sorted(directory.glob("*.log")):
        lines = log.read_text(errors="replace").splitlines()
        print(f"-- the last of {log.name}", *lines[-SHOWN_LINES:], sep="\n   ", flush=True)


if __name__ == "__main__":
    sys.exit(main())
