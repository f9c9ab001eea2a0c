"""A few callers at once, for as long as a `with` lasts; each of their requests must succeed."""

import threading

from .failure import Failure, check

CALLERS = 3


class Load:
    def __init__(self, *requests, callers=CALLERS):
        """`requests`: functions that make one request each and raise a Failure where it fails."""
        self._requests = requests
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._call, args=(n,)) for n in range(callers)]
        self._lock = threading.Lock()
        self.made = 0
        self.failures = []

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()
        if kind is None:
            check(not self.failures, f"{len(self.failures)} of {self.made} requests failed, "
                                     f"the first: {(self.failures or [''])[0]}")
            check(self.made > 0, "no request was made")

    def _call(self, turn):
        while not self._stop.is_set():
            failure = None
            try:
                self._requests[turn % len(self._requests)]()
            except Failure as caught:
                failure = str(caught)
            except Exception as broken:  # else the thread would end in silence, and the test pass
                failure = repr(broken)
            with self._lock:
                self.made += 1
                if failure:
                    self.failures.append(failure)
            turn += 1
