"""What ends a scenario, a start or a build: `Failure` with a sentence; `Skipped` with a reason."""

import time


class Failure(Exception):
    """Something is not as it must be; the message is shown as it is."""


class Skipped(Exception):
    """An example cannot be built here: its language or its registry is not to be had."""


def check(condition, what):
    if not condition:
        raise Failure(what)


def until(what, attempt, within, every=0.05):
    """The first true answer of `attempt`, asked again for `within` seconds; else a Failure."""
    deadline = time.monotonic() + within
    while True:
        answer = attempt()
        if answer:
            return answer
        if time.monotonic() >= deadline:
            raise Failure(f"no {what} within {within:g} s")
        time.sleep(every)
