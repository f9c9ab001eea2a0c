"""HAProxy's runtime API and master CLI: one command, one connection (management.txt §9.3, §9.4)."""

import socket

TIMEOUT_SECONDS = 5


class Runtime:
    def __init__(self, path):
        self._path = str(path)

    def ask(self, command):
        """What HAProxy says to `command`. Raises OSError where nobody listens."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(TIMEOUT_SECONDS)
            connection.connect(self._path)
            connection.sendall(command.encode() + b"\n")
            answer = b""
            while chunk := connection.recv(65536):
                answer += chunk
        return answer.decode()

    def do(self, command):
        """A command that answers nothing where all is well."""
        answer = self.ask(command).strip()
        if answer:
            raise RuntimeError(f"HAProxy says to '{command.split(' ')[0]}': {answer}")

    def pid(self):
        """Of the worker that answers now; None where none does."""
        try:
            lines = dict(line.split(": ", 1) for line in self.ask("show info").splitlines()
                         if ": " in line)
        except OSError:
            return None
        return lines.get("Pid")
