"""How a scenario is written down: a sentence and a function of the running `System`, which raises a
Failure, or returns what is worth printing beside the sentence (or nothing)."""

import threading
import time

from .failure import Failure, check

FEED_BOUND = 1.0  # what grantd promises: a revocation is on its way within a second
SLACK = 1.5       # for two busy cores: the answer's way, the reader's turn, our own polling
RECONNECT = 5.0   # the longest pause of a reader whose feed was away


def scenarios(into):
    """A decorator maker: `@scenario("A sentence")` appends to the list `into`."""
    def scenario(sentence):
        def add(function):
            into.append((sentence, function))
            return function
        return add
    return scenario


def refused_within(bound, since, *attempts):
    """`attempts`: (name, function that returns an answer). Waits until each is answered 401; a Failure
    where that is not so behind `since + bound`, or where the answer until then is not 200. Returns the
    times as a sentence."""
    took = {}
    deadline = since + bound
    while len(took) < len(attempts):
        for name, attempt in attempts:
            if name in took:
                continue
            asked = time.monotonic()
            answer = attempt()
            if answer.status == 401:
                took[name] = max(asked - since, 0)
            else:
                check(answer.status == 200, f"{name} answered {answer.status}: {answer.text[:200]}")
                check(asked < deadline, f"{name} still takes the token after {bound:g} s")
        time.sleep(0.02)
    return ", ".join(f"{name} after {seconds:.2f} s" for name, seconds in took.items())


def at_once(count, attempt):
    """`attempt` in `count` threads; what they returned. Their first Failure is raised."""
    results, failures = [], []

    def call():
        try:
            results.append(attempt())
        except Failure as failure:
            failures.append(failure)

    threads = [threading.Thread(target=call) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    check(len(results) == count, "a caller's thread ended in an exception")
    return results
