"""What every benchmark in Python shares: a grantd with its files, its certificate, its processes' CPU and memory.

Python's standard library and openssl. Functions that cannot do their work end the program with a message.
"""

import base64
import contextlib
import json
import os
import pathlib
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request

START_SECONDS = 60
STOP_SECONDS = 30
API = "https://api.example.com"
TICKS = os.sysconf("SC_CLK_TCK")
CPUCLOCK_SCHED = 2  # what Linux makes clockids of processes with, see clock_getcpuclockid(3)


# --- a place ----------------------------------------------------------------------------------

@contextlib.contextmanager
def workplace():
    """A directory under build/, so on the disk of the tree: /tmp may be memory, where fsync costs nothing.

    Holds what all servers of a run share: an ECDSA P-256 certificate for localhost, a pepper.
    """
    build = pathlib.Path(__file__).resolve().parents[3] / "build"
    with tempfile.TemporaryDirectory(prefix="bench-", dir=build) as name:
        root = pathlib.Path(name)
        make_certificate(root)
        write_private(root / "pepper", secrets.token_hex(32) + "\n")
        yield root


def make_certificate(root):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-keyout", root / "server.key", "-out", root / "server.crt", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
                   check=True, capture_output=True)
    (root / "server.key").chmod(0o600)


def write_private(path, text):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
        file.write(text)


def tls_context(root):
    return ssl.create_default_context(cafile=root / "server.crt")


def free_port():
    """Below the range that outgoing connections take their ports from."""
    while True:
        port = 20000 + secrets.randbelow(12000)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


def wait_for_port(port):
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        time.sleep(0.02)
    sys.exit(f"nothing listens on port {port}")


def program(name):
    """Where it lies; `./dev bench` puts what it fetched on the PATH."""
    found = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin")
    return found or sys.exit(f"{name} is missing")


# --- processes --------------------------------------------------------------------------------

def cpu_of(pid, with_children=False):
    """Seconds, user and system, of all its threads; with those of the children that ended (to 10 ms)."""
    seconds = time.clock_gettime(~int(pid) << 3 | CPUCLOCK_SCHED)
    if with_children:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        seconds += (int(fields[13]) + int(fields[14])) / TICKS
    return seconds


def rss_of(pid):
    """Octets of memory that the process holds, those it shares with others included."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


def basic(client, secret):
    """The value of the header Authorization."""
    return "Basic " + base64.b64encode(f"{client}:{secret}".encode()).decode()


def merged(base, changes):
    """Objects within objects are merged, all else is replaced."""
    result = dict(base)
    for name, value in changes.items():
        nested = isinstance(value, dict) and isinstance(result.get(name), dict)
        result[name] = merged(result[name], value) if nested else value
    return result


class Node:
    """One grantd in a new directory: `settings` over a plain configuration, log to the file `log` there.

    Nothing runs until start(); commands work on its storage before and after.
    """

    def __init__(self, grantd, root, directory, settings=None):
        self.grantd, self.directory = pathlib.Path(grantd).resolve(), directory
        self.port, self.ops_port = free_port(), free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self.process = None
        directory.mkdir()
        self.config = directory / "grantd.json"
        tls = {"certificate_file": str(root / "server.crt"), "private_key_file": str(root / "server.key")}
        self.config.write_text(json.dumps(merged({
            "issuer": "https://auth.example.com",
            "listen": {"address": "127.0.0.1", "port": self.port, "tls": tls},
            "ops": {"address": "127.0.0.1", "port": self.ops_port},
            "storage": {"url": "sqlite:grantd.db", "pepper_file": str(root / "pepper")},
            "keys": {"rotate_every": "never"}}, settings or {})))

    def command(self, *arguments):
        """What the command prints as JSON."""
        done = subprocess.run([self.grantd, *arguments, "--json", "--config", self.config],
                              capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"grantd {arguments[0]}: {done.stderr}")
        return json.loads(done.stdout) if done.stdout.startswith(("{", "[")) else None

    def create_client(self, client, *options):
        """Its Authorization."""
        made = self.command("client", "create", client, "--audience", API, *options)
        return basic(client, made["client_secret"])

    def spawn(self):
        with open(self.directory / "log", "ab") as log:
            self.process = subprocess.Popen([self.grantd, "serve", "--config", self.config], stdout=log)

    def start(self):
        self.spawn()
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{self.ops_port}/readyz", timeout=2)
                return
            time.sleep(0.05)
        self.stop()
        sys.exit("a grantd is not ready")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(STOP_SECONDS)

    @contextlib.contextmanager
    def running(self):
        self.start()
        try:
            yield self
        finally:
            self.stop()

    def metrics(self):
        return urllib.request.urlopen(f"http://127.0.0.1:{self.ops_port}/metrics", timeout=20).read().decode()

    def cpu_seconds(self):
        return cpu_of(self.process.pid)

    def rss(self):
        return rss_of(self.process.pid)
