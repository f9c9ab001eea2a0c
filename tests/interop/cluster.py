"""docker/compose.cluster.yaml without Docker: `cluster.py GRANTD SOURCE`, the checkout.

The same scripts, SQL and configurations, on loopback: secrets.sh makes the secrets, postgres.sh a primary
and its synchronous standby, `grantd migrate` runs as the owner and three nodes as the role that owns
nothing, by TLS that proves the servers' names. Then the primary dies, the standby is promoted, and the
former primary comes back as the standby that it must be. What is substituted is paths, ports and addresses.
"""

import base64
import contextlib
import http.client
import json
import os
import pathlib
import pwd
import re
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.parse

import harness

SKIPPED = 77
SETTLE_SECONDS = 60
REVOCATION_SECONDS = 2.5  # the promised second, and two busy cores
API = "https://api.example.com"
NAMES = ("postgres-1", "postgres-2")


def until(holds, what, seconds=SETTLE_SECONDS):
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            sys.exit(f"failed: {what}")
        time.sleep(0.1)


class Database:
    """The two servers of the compose file; one of them is the primary."""

    def __init__(self, programs, source, directory):
        self.programs, self.directory = programs, directory
        self.configuration, self.secrets = directory / "etc", directory / "secrets" / "postgres"
        shutil.copytree(source / "docker/cluster", self.configuration)
        self.ports = dict(zip(NAMES, harness.free_ports(2)))
        self.primary, self.processes = NAMES[0], {}
        # Root's PostgreSQL refuses to run, so another user's does, as in the image.
        self.user = pwd.getpwnam("postgres" if self._has_postgres() else "nobody") if os.geteuid() == 0 else None
        for path in (directory / "data", directory / "socket"):
            path.mkdir()
        self.give(directory / "data", directory / "socket", self.secrets, *self.secrets.iterdir())
        for path in (self.configuration, *self.configuration.iterdir()):
            path.chmod(0o755)

    @staticmethod
    def _has_postgres():
        with contextlib.suppress(KeyError):
            return bool(pwd.getpwnam("postgres"))

    def give(self, *paths):
        for path in paths if self.user else ():
            os.chown(path, self.user.pw_uid, self.user.pw_gid)

    def _as_user(self):
        return {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []} if self.user else {}

    def begin(self, name):
        environment = {
            "PATH": f"{self.programs}:{os.environ['PATH']}", "HOME": str(self.directory / "data"),
            "PRIMARY": self.primary, "CONFIGURATION": str(self.configuration), "SECRETS": str(self.secrets),
            "PGDATA": str(self.directory / "data" / name),
            "PRIMARY_PARAMETERS": f"hostaddr=127.0.0.1 port={self.ports[self.primary]}",
            "POSTGRES_OPTIONS": f"-c port={self.ports[name]} -c listen_addresses=127.0.0.1 "
                                f"-c unix_socket_directories={self.directory}/socket"}
        log = open(self.directory / f"{name}.log", "a")
        return subprocess.Popen([self.configuration / "postgres.sh", name], env=environment, stdout=log,
                                stderr=log, cwd=self.directory / "data", **self._as_user())

    def start(self, name):
        self.processes[name] = self.begin(name)
        until(lambda: self.sql(name, "SELECT 1") == "1", f"{name} does not start: {self.log(name)}")

    def stop(self, name, number=signal.SIGQUIT):
        process = self.processes.pop(name)
        process.send_signal(number)
        process.wait(SETTLE_SECONDS)

    def log(self, name):
        return (self.directory / f"{name}.log").read_text()[-2000:]

    def sql(self, name, statement):
        """As the superuser, by the socket; its answer, or nothing where there is none."""
        done = subprocess.run(
            [f"{self.programs}/psql", "-X", "-At", "-h", self.directory / "socket", "-p", str(self.ports[name]),
             "-d", "postgres", "-c", statement], capture_output=True, text=True,
            env={"PATH": os.environ["PATH"], "HOME": str(self.directory / "data")}, **self._as_user())
        return done.stdout.strip() if done.returncode == 0 else done.stderr

    def confirmed_by_a_standby(self):
        states = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'quorum' AND state = 'streaming'"
        until(lambda: self.sql(self.primary, states) == "1", "no synchronous standby")

    def url(self, role):
        return (f"postgresql://{role}@{','.join(NAMES)}/grantd?hostaddr=127.0.0.1,127.0.0.1"
                f"&port={','.join(str(self.ports[name]) for name in NAMES)}"
                f"&sslrootcert={self.directory}/secrets/grantd/db_ca.crt")


class Node:
    def __init__(self, grantd, directory, number, configuration):
        self.port, self.ops_port = harness.free_ports(2)
        document = {**configuration, "ops": {"address": "127.0.0.1", "port": self.ops_port}}
        document["listen"] = {**configuration["listen"], "address": "127.0.0.1", "port": self.port}
        self.file = directory / f"node{number}.json"
        self.file.write_text(json.dumps(document))
        self.log = directory / f"node{number}.log"
        self.process = subprocess.Popen([grantd, "serve", "--config", self.file], stdout=open(self.log, "w"),
                                        stderr=subprocess.STDOUT)
        if not harness.ready(self.process, self.ops_port):
            sys.exit(f"failed: node {number} is not ready: {self.log.read_text()[-2000:]}")

    def post(self, tls, credentials, path, **form):
        connection = http.client.HTTPSConnection("localhost", self.port, timeout=10, context=tls)
        basic = base64.b64encode(":".join(credentials).encode()).decode()
        connection.request("POST", path, urllib.parse.urlencode(form), {
            "Authorization": f"Basic {basic}", "Content-Type": "application/x-www-form-urlencoded"})
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, json.loads(body or b"{}")


class Client:
    """One client of all nodes."""

    def __init__(self, nodes, authority, made):
        self.nodes, self.tls = nodes, ssl.create_default_context(cafile=authority)
        self.credentials = (made["client_id"], made["client_secret"])

    def post(self, node, path, **form):
        return node.post(self.tls, self.credentials, path, **form)

    def token(self, node):
        status, answer = self.post(node, "/token", grant_type="client_credentials")
        if status != 200:
            sys.exit(f"failed: no token: {status} {answer}")
        return answer["access_token"]

    def active(self, node, token):
        status, answer = self.post(node, "/introspect", token=token)
        return answer["active"] if status == 200 else None

    def says(self, node, token):
        """Whether it is active; asks on where the node does not know at the moment."""
        until(lambda: self.active(node, token) is not None, "a node does not answer introspection")
        answer = self.active(node, token)
        return self.says(node, token) if answer is None else answer

    def revoke(self, node, token):
        return self.post(node, "/revoke", token=token)[0]

    def revoked_everywhere(self):
        """Issued by each, active on all, revoked on one, inactive on all."""
        for node in self.nodes:
            token = self.token(node)
            until(lambda: all(self.active(each, token) for each in self.nodes), "a token is not active everywhere")
            until(lambda: self.revoke(node, token) == 200, "a token cannot be revoked")
            until(lambda: all(self.active(each, token) is False for each in self.nodes),
                  "a revocation is not in force everywhere", REVOCATION_SECONDS)


def configuration(source, directory, database):
    """docker/cluster/grantd.json, with what Docker would have mounted."""
    text = re.sub(r"^\s*//.*$", "", (source / "docker/cluster/grantd.json").read_text(), flags=re.MULTILINE)
    for secret in ("tls_certificate", "tls_key", "db_password", "pepper", "wrapping_key"):
        file = {"tls_certificate": "tls.crt", "tls_key": "tls.key"}.get(secret, secret)
        text = text.replace(f"/run/secrets/{secret}", f"{directory}/secrets/grantd/{file}")
    document = json.loads(text)
    document["issuer"] = "https://localhost"
    document["storage"]["url"] = database.url("grantd")
    document["limits"]["drain"] = "0s"
    return document


def command(grantd, file, *words, owner=None):
    environment = os.environ | ({} if owner is None else {
        "GRANTD_STORAGE__URL": owner.url("grantd_owner"),
        "GRANTD_STORAGE__PASSWORD_FILE": str(owner.directory / "secrets/grantd/db_owner_password")})
    return subprocess.run([grantd, *words, "--config", file], capture_output=True, text=True, env=environment)


def migrated(grantd, file, database):
    if command(grantd, file, "migrate").returncode != 1:
        sys.exit("failed: the nodes' role could make tables")
    done = command(grantd, file, "migrate", owner=database)
    if done.returncode != 0:
        sys.exit(f"failed: migrate as the owner: {done.stderr}")


def failed_over(database, client):
    """The primary dies; what was acknowledged is there, and writing waits for a standby again."""
    kept, revoked = client.token(client.nodes[0]), client.token(client.nodes[1])
    until(lambda: client.revoke(client.nodes[2], revoked) == 200, "a token cannot be revoked")
    acknowledged = time.monotonic()
    former = database.primary
    database.stop(former)
    database.primary = next(name for name in NAMES if name != former)
    database.sql(database.primary, "SELECT pg_promote()")
    until(lambda: all(client.active(node, kept) for node in client.nodes), "nodes do not find the new primary")
    time.sleep(max(0, acknowledged + REVOCATION_SECONDS - time.monotonic()))
    if any(client.says(node, revoked) for node in client.nodes):
        sys.exit("failed: an acknowledged revocation was lost")
    if client.revoke(client.nodes[0], kept) != 503:
        sys.exit("failed: a revocation was acknowledged that no standby confirmed")
    return former


def came_back_as_a_standby(database, former):
    refused = database.begin(former)
    if refused.wait(SETTLE_SECONDS) != 1 or "remove the data" not in database.log(former):
        sys.exit(f"failed: a former primary's data was started: {database.log(former)}")
    shutil.rmtree(database.directory / "data" / former)
    database.start(former)
    database.confirmed_by_a_standby()


def main(grantd, source):
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb")) or [
        *(source / "build/tools/postgresql/bin").glob("initdb")]
    if not found:
        print("skipped: no PostgreSQL")
        sys.exit(SKIPPED)
    with tempfile.TemporaryDirectory(prefix="grantd-cluster-") as name, contextlib.ExitStack() as stack:
        directory = pathlib.Path(name)
        directory.chmod(0o755)
        harness.run([source / "docker/cluster/secrets.sh", directory / "secrets", "localhost"])
        (directory / "secrets").chmod(0o755)
        database = Database(found[-1].parent, source, directory)
        stack.callback(lambda: [database.stop(each) for each in list(database.processes)])
        for each in NAMES:
            database.start(each)
        database.confirmed_by_a_standby()

        document = configuration(source, directory, database)
        first = directory / "node1.json"
        first.write_text(json.dumps(document))
        migrated(grantd, first, database)
        nodes = []
        stack.callback(lambda: [harness.stop(node.process) for node in nodes])
        for number in (1, 2, 3):
            nodes.append(Node(grantd, directory, number, document))
        made = command(grantd, first, "client", "create", "billing", "--audience", API, "--serves", API, "--json")
        client = Client(nodes, directory / "secrets/authority/ca.crt", json.loads(made.stdout))
        client.revoked_everywhere()
        former = failed_over(database, client)
        came_back_as_a_standby(database, former)
        client.revoked_everywhere()
        if made_secret := next((node for node in nodes if client.credentials[1] in node.log.read_text()), None):
            sys.exit(f"failed: {made_secret.log} holds a client's secret")
        print("three nodes, a failover and the former primary as standby: no revocation lost")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], pathlib.Path(sys.argv[2]).resolve()))
