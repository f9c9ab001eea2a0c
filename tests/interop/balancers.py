"""A real load balancer, with the configuration that docker/ has, before two real nodes:
`balancers.py GRANTD SOURCE haproxy | nginx`; SOURCE is the checkout.

The balancer passes TLS through and looks at no token, so the two nodes need share no database here: each
has its own. Clients connect all the while, some for each request, some keep their connections, and none of
their requests may fail while a node is drained and stopped, and while it comes back. With HAProxy one
node is also killed. What is substituted in the configuration is names, ports and paths.
"""

import collections
import http.client
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

import harness

SKIPPED = 77
DRAIN_SECONDS = 4     # limits.drain of the nodes: more than HAProxy needs to notice
CLIENTS = 4           # of each kind
SETTLE_SECONDS = 30
SHOWN_FAILURES = 20
PATH = "/.well-known/jwks.json"


class Node:
    def __init__(self, grantd, directory, certificates):
        self.grantd, self.directory = grantd, directory
        directory.mkdir()
        (directory / "keys").mkdir(mode=0o700)
        for name in ("server.crt", "server.key"):
            shutil.copy(certificates / name, directory / name)
        harness.make_pepper(directory / "pepper")
        self.process, (self.port, self.ops_port) = harness.start(grantd, directory)

    def restart(self):
        """On the ports that it had."""
        self.process = subprocess.Popen(
            [self.grantd, "serve", "--config", self.directory / "grantd.json"],
            stdout=open(self.directory / "log", "a"), stderr=subprocess.STDOUT)
        if not harness.ready(self.process, self.ops_port):
            sys.exit((self.directory / "log").read_text())

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(DRAIN_SECONDS + harness.STOP_SECONDS)

    def served(self):
        return (self.directory / "log").read_text().count('"endpoint":"jwks"')


class Clients:
    """Ask without pause; a failure is kept with the time since the start of the load."""

    def __init__(self, port, authority):
        self.port, self.tls = port, ssl.create_default_context(cafile=authority)
        self.failures, self.done = [], collections.Counter()
        self.stopping, self.began = threading.Event(), time.monotonic()
        self.threads = [threading.Thread(target=run) for run in (self._anew, self._kept) * CLIENTS]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def first_failures(self):
        return "\n".join(self.failures[:SHOWN_FAILURES])

    def connect(self):
        return http.client.HTTPSConnection("localhost", self.port, timeout=10, context=self.tls)

    def _anew(self):
        while not self.stopping.is_set():
            connection = self.connect()
            self._ask(connection, "anew")
            connection.close()
            time.sleep(0.01)

    def _kept(self):
        """http.client reconnects by itself where the last answer said `Connection: close`."""
        connection = self.connect()
        while not self.stopping.is_set():
            self._ask(connection, "kept")
            time.sleep(0.01)

    def _ask(self, connection, kind):
        try:
            connection.request("GET", PATH)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise OSError(f"status {answer.status}")
            self.done[kind] += 1
        except (OSError, http.client.HTTPException) as failure:
            self.failures.append(f"{time.monotonic() - self.began:.2f} s, {kind}: {failure!r}")
            connection.close()


class Haproxy:
    """Asks /readyz of each node by itself."""

    def __init__(self, source, directory, nodes):
        self.admin = directory / "admin.sock"
        self.port, health = harness.free_ports(2)
        text = substitute((source / "docker/haproxy.cfg").read_text(), {
            "bind :8443": f"bind 127.0.0.1:{self.port}", "bind :8444": f"bind 127.0.0.1:{health}",
            "/run/haproxy/admin.sock": str(self.admin), "    default-server resolvers system init-addr last,libc,none\n": "",
            "    server grantd-3 grantd-3:8443\n": "", "check port 9443": "check"})
        for number, node in enumerate(nodes, 1):
            text = substitute(text, {
                f"grantd-{number}:8443": f"127.0.0.1:{node.port} port {node.ops_port}"})
        configuration = directory / "haproxy.cfg"
        configuration.write_text(text)
        program = find("haproxy", source)
        checked = subprocess.run([program, "-c", "-f", configuration], capture_output=True, text=True)
        if checked.returncode != 0 or "WARNING" in checked.stderr:
            sys.exit("HAProxy on docker/haproxy.cfg: " + checked.stderr)
        self.log = open(directory / "haproxy.log", "w")
        self.process = subprocess.Popen([program, "-db", "-f", configuration],
                                        stdout=self.log, stderr=self.log)

    def before_stop(self, _):
        """Nothing to do: /readyz tells it."""

    after_start = before_stop

    def settle(self, count):
        """Until so many nodes are up."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while self.up() != count:
            if time.monotonic() > deadline:
                sys.exit(f"HAProxy does not see {count} nodes: " + pathlib.Path(self.log.name).read_text())
            time.sleep(0.05)

    def up(self):
        with socket.socket(socket.AF_UNIX) as admin:
            try:
                admin.connect(str(self.admin))
                admin.sendall(b"show stat\n")
                answer = b"".join(iter(lambda: admin.recv(65536), b"")).decode()
            except OSError:
                return -1
        return sum(line.startswith("nodes,grantd-") and ",UP," in line for line in answer.splitlines())


class Nginx:
    """Asks nobody: a node is marked `down` before it stops, and nginx reloaded."""

    def __init__(self, source, directory, nodes):
        program = find("nginx", source)
        module = next((path for path in (
            pathlib.Path(program).resolve().parent.parent / "lib/nginx/modules/ngx_stream_module.so",
            pathlib.Path("/usr/lib/nginx/modules/ngx_stream_module.so"),
            source / "build/tools/gateways/usr/lib/nginx/modules/ngx_stream_module.so")
            if path.exists()), None)
        if module is None:
            print("skipped: no libnginx-mod-stream")
            sys.exit(SKIPPED)
        self.configuration, (self.port,) = directory / "nginx.conf", harness.free_ports(1)
        self.text = substitute((source / "docker/nginx-stream.conf").read_text(), {
            "include /etc/nginx/modules-enabled/*.conf": f"load_module {module}",
            "pid /run/nginx.pid": f"pid {directory}/nginx.pid",
            "/dev/stdout": f"{directory}/access.log",
            "listen 8443": f"listen 127.0.0.1:{self.port}",
            "        server grantd-3:8443 max_fails=3 fail_timeout=5s;\n": ""})
        self.lines = [f"127.0.0.1:{node.port}" for node in nodes]
        for number, line in enumerate(self.lines, 1):
            self.text = substitute(self.text, {f"grantd-{number}:8443": line})
        self.configuration.write_text(self.text)
        command = [program, "-e", directory / "error.log", "-c", self.configuration]
        checked = subprocess.run([*command, "-t"], capture_output=True, text=True)
        if checked.returncode != 0 or "[warn]" in checked.stderr:
            sys.exit("nginx on docker/nginx-stream.conf: " + checked.stderr)
        self.process = subprocess.Popen([*command, "-g", "daemon off;"], stderr=subprocess.DEVNULL)

    def before_stop(self, index):
        line = self.lines[index]
        self._reload(self.text.replace(f"{line} max_fails=3", f"{line} down max_fails=3"))

    def after_start(self, _):
        self._reload(self.text)

    def _reload(self, text):
        """Until the old workers take no more connections."""
        old = self._workers()
        self.configuration.write_text(text)
        self.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + SETTLE_SECONDS
        while old & self._workers():
            if time.monotonic() > deadline:
                sys.exit("nginx does not reload")
            time.sleep(0.05)

    def _workers(self):
        """The workers that accept; one that ends has another title."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return {pid for pid in children.read_text().split() if title(pid) == "nginx: worker process"}

    def settle(self, _):
        """It has no word on its nodes: until it accepts."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while not self._workers():
            if time.monotonic() > deadline:
                sys.exit("nginx does not start")
            time.sleep(0.05)


def title(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_text().strip("\0 ")
    except OSError:  # it is gone
        return ""


def substitute(text, values):
    for old, new in values.items():
        if old not in text:
            sys.exit(f"this test expects {old!r} in the configuration")
        text = text.replace(old, new)
    return text


def find(name, source):
    path = os.environ["PATH"] + f":/usr/sbin:{source}/build/tools/gateways/usr/sbin"
    found = shutil.which(name, path=path)
    if not found:
        print(f"skipped: no {name}")
        sys.exit(SKIPPED)
    return found


def drained_without_loss(balancer, nodes, clients):
    """A rolling restart: each node drains, stops and comes back, and nobody notices."""
    for index, node in enumerate(nodes):
        time.sleep(1)
        balancer.before_stop(index)
        served = nodes[1 - index].served()
        status = node.end()
        if status != 0:
            sys.exit(f"a node that was told to stop ended with {status}")
        time.sleep(0.5)
        if nodes[1 - index].served() <= served:
            sys.exit("the other node got nothing")
        node.restart()
        balancer.after_start(index)
        balancer.settle(2)
    if clients.failures:
        sys.exit("while nodes were drained and restarted: " + clients.first_failures())


def a_death_costs_no_more_than_what_was_in_flight(nodes, clients):
    before = len(clients.failures)
    nodes[0].end(signal.SIGKILL)
    time.sleep(3)
    lost = len(clients.failures) - before
    if lost > len(clients.threads):  # one request a client
        sys.exit(f"{lost} failed after a node was killed: " + clients.first_failures())
    return lost


def main(grantd, source, kind):
    os.environ["GRANTD_LIMITS__DRAIN"] = f"{DRAIN_SECONDS}s"
    find(kind, source)
    with tempfile.TemporaryDirectory(prefix="grantd-balancer-") as name:
        directory = pathlib.Path(name)
        directory.chmod(0o755)  # nginx's workers drop to another user
        harness.make_certificates(directory)
        nodes, balancer = [], None
        try:
            nodes = [Node(grantd, directory / f"node{number}", directory) for number in (1, 2)]
            balancer = (Haproxy if kind == "haproxy" else Nginx)(source, directory, nodes)
            balancer.settle(2)
            with Clients(balancer.port, directory / "ca.crt") as clients:
                drained_without_loss(balancer, nodes, clients)
                lost = a_death_costs_no_more_than_what_was_in_flight(nodes, clients)
            print(f"{sum(clients.done.values())} requests ({dict(clients.done)}); none failed while each node "
                  f"was drained, stopped and started; {lost} failed when one was killed")
        finally:
            for process in ([balancer.process] if balancer else []) + [node.process for node in nodes]:
                harness.stop(process)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], pathlib.Path(sys.argv[2]).resolve(), sys.argv[3]))
