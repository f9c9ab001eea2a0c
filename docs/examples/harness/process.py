"""A program that was started here and is stopped here, by its own pid, with its output in a file."""

import random
import signal
import socket
import subprocess

from .failure import Failure, check

STOP_SECONDS = 15
# A JVM that SIGTERM ends in good order reports 143, whatever the program would like.
ORDERLY = (0, 128 + signal.SIGTERM)
# Below the ports that the kernel gives to outgoing connections: nobody takes one in between.
PORTS = range(20000, 30000)


class Process:
    def __init__(self, name, argv, log, environment=None, directory=None):
        self.name = name
        self.log = log
        with open(log, "ab") as output:
            try:
                # Its own session: a Ctrl-C at the terminal reaches us alone, and we stop it.
                self._child = subprocess.Popen(
                    [str(word) for word in argv], env=environment, cwd=directory,
                    stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)
            except OSError as error:
                raise Failure(f"{name} cannot be started: {error}") from error

    def running(self):
        return self._child.poll() is None

    def stop(self):
        """SIGTERM; a Failure where it does not end in good order within STOP_SECONDS."""
        if self.running():
            self._child.terminate()
        try:
            status = self._child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
            raise Failure(f"{self.name} did not end within {STOP_SECONDS} s of SIGTERM") from None
        check(status in ORDERLY, f"{self.name} ended with status {status}")

    def output(self):
        return self.log.read_text(errors="replace")


def free_port():
    while True:
        port = random.choice(PORTS)
        try:
            socket.create_server(("127.0.0.1", port)).close()
            return port
        except OSError:
            continue
