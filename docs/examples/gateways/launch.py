"""Starts a gateway from its configuration with placeholders, and keeps it until SIGTERM.

What an operator's service manager does in earnest: systemd starts the programs, and the hook of the
certificate's renewal reloads the gateway. Python's standard library only.
"""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import urllib.parse

LOOK_SECONDS = 0.5  # how often the certificate's files are looked at
STOP_SECONDS = 10


def find(name):
    """A program's path; Debian keeps servers out of a user's PATH."""
    found = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin")
    return pathlib.Path(found or sys.exit(f"there is no {name}")).resolve()


def origin(url):
    """`host:port` of an https URL."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme != "https":
        sys.exit(f"{url} is no https URL")
    return f"{parts.hostname}:{parts.port or 443}"


def render(template, target, values):
    """@NAME@ becomes values["NAME"]. The result may hold a secret: 0600."""
    text = pathlib.Path(template).read_text()
    for name, value in values.items():
        text = text.replace(f"@{name}@", str(value))
    target = pathlib.Path(target)
    target.touch(mode=0o600)
    target.write_text(text)
    return target


class Launch:
    """`with Launch() as launch: launch.program(…); launch.until_stopped(reload)`."""

    def __init__(self):
        self._stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stop.set())
        self._children = []
        self._temporary = tempfile.TemporaryDirectory(prefix="gateway-")
        self.directory = pathlib.Path(self._temporary.name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """The gateway first (it was started last), so that nobody asks a sidecar that is gone."""
        for child in reversed(self._children):
            if child.poll() is None:
                child.terminate()
                try:
                    child.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    child.kill()
                    child.wait()
        self._temporary.cleanup()

    def program(self, *argv, environment=None):
        child = subprocess.Popen([str(word) for word in argv], stdin=subprocess.DEVNULL,
                                 env={**os.environ, **(environment or {})})
        self._children.append(child)
        return child

    def give_to(self, user):
        """Started by root, a gateway drops to a user of its own, who needs what is in here."""
        if os.geteuid() == 0:
            for path in (self.directory, *self.directory.iterdir()):
                shutil.chown(path, user)

    def wait_for(self, path):
        """Until a program has made this file, a socket say."""
        while not path.exists() and not self._ended() and not self._stop.wait(0.05):
            pass

    def stopping(self):
        return self._stop.is_set()

    def until_stopped(self, files, reload):
        """Calls `reload` where one of `files` changed; ends the program where a child ended."""
        seen = changed(files)
        while not self._stop.wait(LOOK_SECONDS):
            if self._ended():
                sys.exit(f"{self._ended()} ended")
            if changed(files) != seen:
                self._stop.wait(LOOK_SECONDS)  # the second file may be on its way
                seen = changed(files)
                reload()

    def _ended(self):
        return next((child.args[0] for child in self._children if child.poll() is not None), None)


def changed(files):
    return [os.stat(file).st_mtime_ns for file in files]
