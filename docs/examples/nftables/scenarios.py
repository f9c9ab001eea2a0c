"""grantd.nft in earnest: the real grantd in a network namespace of its own, callers in others.

Nothing outside those namespaces is touched; they vanish with the addresses in them.
"""

import contextlib
import os
import pathlib
import re
import subprocess
import tempfile

from harness import process
from harness.failure import check, until
from harness.scenario import scenarios

RULES = pathlib.Path(__file__).resolve().parent / "grantd.nft"
ENVIRONMENT = {**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}
PUBLIC, OPERATIONS = 8443, 9443
# Who stands where, by grantd.nft's own addresses: the host's network, then the caller's address.
CALLERS = {"service": ("10.20.1.1", "10.20.1.2"), "monitoring": ("10.20.9.1", "10.20.9.2"),
           "stranger": ("10.20.7.1", "10.20.7.2"), "service6": ("fd00:20::1", "fd00:20::2"),
           "stranger6": ("fd00:66::1", "fd00:66::2")}
LOCAL_SERVICE, LOCAL_MONITORING, LOCAL_STRANGER = 61001, 61009, 65534
READY_SECONDS = 30

SCENARIOS = []
scenario = scenarios(SCENARIOS)


class Network:
    """A namespace `host` with grantd in it, and one for each caller, each on a wire of its own."""

    def __init__(self, grantd_binary, directory):
        self._prefix = f"grantd{os.getpid()}"
        self._directory = directory
        self._made = []
        self._server = None
        self._grantd = grantd_binary

    def __enter__(self):
        try:
            self._namespace("host")
            for number, (name, (near, far)) in enumerate(CALLERS.items()):
                self._namespace(name)
                length, options = (64, ["nodad"]) if ":" in near else (24, [])
                run("ip", "-n", self._named("host"), "link", "add", f"to{number}", "type", "veth",
                    "peer", "name", "wire", "netns", self._named(name))
                for place, device, address in (("host", f"to{number}", near), (name, "wire", far)):
                    run("ip", "-n", self._named(place), "address", "add", f"{address}/{length}",
                        "dev", device, *options)
                    run("ip", "-n", self._named(place), "link", "set", "dev", device, "up")
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        with contextlib.ExitStack() as last:
            for name in self._made:
                last.callback(run, "ip", "netns", "del", name)
            if self._server:
                self._server.stop()

    def _named(self, place):
        return f"{self._prefix}-{place}"

    def _namespace(self, place):
        run("ip", "netns", "add", self._named(place))
        self._made.append(self._named(place))
        run("ip", "-n", self._named(place), "link", "set", "lo", "up")

    def _start(self):
        """A development server, on all addresses."""
        names = {name: value for name, value in ENVIRONMENT.items() if not name.startswith("GRANTD_")}
        names |= {"GRANTD_LISTEN__ADDRESS": "::", "GRANTD_OPS__ADDRESS": "::"}
        self._server = process.Process(
            "grantd in a namespace",
            ["ip", "netns", "exec", self._named("host"), self._grantd, "serve", "--dev",
             "--dir", self._directory / "dev"],
            self._directory / "grantd-dev.log", names)
        until("grantd in its namespace", lambda: self.local(0, OPERATIONS), READY_SECONDS)

    def load(self):
        run("ip", "netns", "exec", self._named("host"), "nft", "-f", RULES)

    def rules(self):
        return run("ip", "netns", "exec", self._named("host"), "nft", "list", "table", "inet", "grantd")

    def alter(self, *words):
        run("ip", "netns", "exec", self._named("host"), "nft", *words)

    def reaches(self, caller, port):
        return self._asks(caller, CALLERS[caller][0], port)

    def local(self, user, port):
        """The same from grantd's own host, as this user."""
        return self._asks("host", "127.0.0.1", port, "setpriv", f"--reuid={user}", "--clear-groups")

    def _asks(self, place, address, port, *before):
        scheme, path = {PUBLIC: ("https", "/.well-known/jwks.json"), OPERATIONS: ("http", "/healthz")}[port]
        literal = f"[{address}]" if ":" in address else address
        done = subprocess.run(  # whether it is reached, by users who may read no authority's file
            ["ip", "netns", "exec", self._named(place), *before, "curl", "--silent", "--fail", "--insecure",
             "--noproxy", "*", "--max-time", "3", "--output", "/dev/null",
             "--connect-to", f"::{literal}:{port}", f"{scheme}://localhost:{port}{path}"],
            env=ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True)
        return done.returncode == 0


def run(*words):
    done = subprocess.run([str(word) for word in words], env=ENVIRONMENT, capture_output=True, text=True)
    check(done.returncode == 0, f"{' '.join(map(str, words))}: {done.stderr.strip()}")
    return done.stdout


@contextlib.contextmanager
def network(system):
    with tempfile.TemporaryDirectory(prefix="grantd-nft-") as name, \
            Network(system.grantd._binary, pathlib.Path(name)) as made:
        yield made


@scenario("Only the services' addresses reach grantd, only the monitoring's its operations port")
def addresses(system):
    expected = {("service", PUBLIC), ("service6", PUBLIC), ("monitoring", OPERATIONS)}
    with network(system) as made:
        for caller in CALLERS:
            for port in (PUBLIC, OPERATIONS):
                check(made.reaches(caller, port), f"without rules {caller} does not reach {port}")
        made.load()
        for caller in CALLERS:
            for port in (PUBLIC, OPERATIONS):
                check(made.reaches(caller, port) == ((caller, port) in expected),
                      f"{caller} and port {port}: the wrong way round")
        for user, port, allowed in ((LOCAL_SERVICE, PUBLIC, True), (LOCAL_SERVICE, OPERATIONS, False),
                                    (LOCAL_MONITORING, OPERATIONS, True), (LOCAL_MONITORING, PUBLIC, False),
                                    (LOCAL_STRANGER, PUBLIC, False), (LOCAL_STRANGER, OPERATIONS, False)):
            check(made.local(user, port) == allowed, f"user {user} and port {port}: the wrong way round")
        refused = int(re.search(r"counter packets (\d+)", made.rules())[1])
        check(refused > 0, "nothing was counted as refused")
        return f"{refused} packets refused"


@scenario("Loaded twice the rules are the same, and an address can be let in and out while they run")
def changed(system):
    with network(system) as made:
        made.load()
        once = re.sub(r"packets \d+ bytes \d+", "", made.rules())
        made.load()
        check(re.sub(r"packets \d+ bytes \d+", "", made.rules()) == once, "loading twice changed the rules")
        stranger = CALLERS["stranger"][1]
        made.alter("add", "element", "inet", "grantd", "services", "{", stranger, "}")
        check(made.reaches("stranger", PUBLIC), "an added address does not reach grantd")
        made.alter("delete", "element", "inet", "grantd", "services", "{", stranger, "}")
        check(not made.reaches("stranger", PUBLIC), "an address that was taken out still reaches grantd")


def demo(system):
    for sentence, run_it in SCENARIOS:
        print(f"{sentence}: {run_it(system) or 'yes'}")
