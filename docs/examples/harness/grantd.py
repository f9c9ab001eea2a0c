"""The real grantd: its configuration, the server's process, and its commands."""

import dataclasses
import json
import secrets
import subprocess
import time
import urllib.error
import urllib.request

from . import process
from .failure import Failure, check, until

READY_SECONDS = 30
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"


@dataclasses.dataclass(frozen=True)
class Client:
    id: str
    secret: str = dataclasses.field(repr=False)
    secret_file: object = None


class Grantd:
    def __init__(self, binary, authority, web, settings):
        """`settings` are laid over the configuration, section by section."""
        self.directory = authority.directory
        self.port, self._ops_port = process.free_port(), process.free_port()
        self.issuer = f"https://localhost:{self.port}"
        self._binary, self._web = binary, web
        self._configuration = self.directory / "grantd.json"
        self._server = None
        authority.issue("grantd")
        (self.directory / "keys").mkdir(mode=0o700)
        pepper = self.directory / "pepper"
        pepper.touch(mode=0o600)
        pepper.write_text(secrets.token_hex(32) + "\n")
        self._configuration.write_text(json.dumps(self._settings(settings), indent=2))
        self.command("migrate")

    def _settings(self, more):
        """Keys hand over within seconds, so that one can watch it. `publish_before` leaves verifiers what
        they need on two busy cores: a second until a command's effect is published, a second of cache, and
        two more to be late."""
        settings = {
            "issuer": self.issuer,
            "listen": {
                "address": "127.0.0.1", "port": self.port,
                "tls": {"certificate_file": "grantd.crt", "private_key_file": "grantd.key"},
            },
            "ops": {"address": "127.0.0.1", "port": self._ops_port},
            "storage": {"url": "sqlite:grantd.db", "pepper_file": "pepper"},
            "keys": {"directory": "keys", "rotate_every": "never",
                     "publish_before": "4s", "jwks_max_age": "1s"},
        }
        for name, section in more.items():
            settings[name] = {**settings.get(name, {}), **section}
        return settings

    # --- the server ---------------------------------------------------------------------------

    def start(self):
        self._server = process.Process(
            "grantd", [self._binary, "serve", "--config", self._configuration],
            self.directory / "grantd.log")
        until("ready grantd", self._ready, READY_SECONDS)

    def _ready(self):
        check(self._server.running(), "grantd ended while it started")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._ops_port}/readyz", timeout=5):
                return True
        except (urllib.error.URLError, OSError):
            return False

    def stop(self):
        server, self._server = self._server, None
        if server:
            server.stop()

    def log(self):
        """All that it ever wrote."""
        file = self.directory / "grantd.log"
        return file.read_text(errors="replace") if file.exists() else ""

    def requests(self, since=0):
        """The request lines of its log behind character `since`, as dictionaries."""
        lines = []
        for line in self.log()[since:].splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if entry.get("event") == "request":
                lines.append(entry)
        return lines

    # --- commands -----------------------------------------------------------------------------

    def command(self, *words, text=None):
        """Its JSON document; a Failure where it does not end with 0."""
        done = subprocess.run(
            [self._binary, *map(str, words), "--json", "--config", self._configuration],
            input=text, capture_output=True, text=True)
        check(done.returncode == 0,
              f"grantd {' '.join(words[:2])} ended with {done.returncode}: {done.stderr.strip()}")
        return json.loads(done.stdout) if done.stdout.strip() else None

    def create_client(self, name, *options):
        made = self.command("client", "create", name, *options)
        file = self.directory / f"{name}.secret"
        file.touch(mode=0o600)
        file.write_text(made["client_secret"])
        return Client(made["client_id"], made["client_secret"], file)

    def signing_kid(self):
        return next(key["kid"] for key in self.command("key", "list") if key["state"] == "signing")

    def private_key_file(self, kid):
        return self.directory / "keys" / f"{kid}.pem"

    def revoke_by_command(self, token):
        """By standard input, so that no token stands in a process list."""
        return self.command("token", "revoke", "-", text=token)

    # --- its endpoints ------------------------------------------------------------------------

    def token(self, client, scope=None, resource=None):
        form = [("grant_type", "client_credentials")]
        form += [("scope", scope)] if scope else []
        form += [("resource", resource)] if resource else []
        return self._token(client, form)

    def exchange(self, client, subject_token, resource, scope):
        """RFC 8693, as user-service does it."""
        return self._token(client, [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("subject_token", subject_token), ("subject_token_type", ACCESS_TOKEN),
            ("resource", resource), ("scope", scope)])

    def revoke(self, client, token):
        """RFC 7009. Returns the moment at which it was acknowledged."""
        answer = self._post("/revoke", client, [("token", token)])
        check(answer.status == 200, f"/revoke answered {answer.status}: {answer.text}")
        return time.monotonic()

    def _token(self, client, form):
        answer = self._post("/token", client, form)
        if answer.status != 200:
            raise Failure(f"/token answered {client.id} with {answer.status}: {answer.text}")
        return answer.json()["access_token"]

    def _post(self, path, client, form):
        return self._web.post_form(self.issuer + path, client.id, client.secret, form)

