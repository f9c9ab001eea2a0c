"""Everything of one example, running: the authority, grantd, its clients and the services.

    with System(example, grantd_binary, directory) as system:
        system.start()

What was started is stopped in the end, and what all of it printed is searched for secrets and
tokens.
"""

import re

from . import process
from .certificates import Authority
from .failure import Failure, check, until
from .grantd import Grantd
from .web import NO_ANSWER, Web

USERS, PROFILES = "https://user.example.com", "https://profile.example.com"
# The lives of the tokens that user-service gets, while a scenario watches them end; and otherwise.
SHORT_LIFE, LONG_LIFE = 6, 600
SECRET = re.compile(r"gds_[a-z0-9]{12}_[A-Za-z0-9_-]{43}|eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}")


class Service:
    def __init__(self, role, client, audience, directory):
        self.role, self.client, self.audience = role, client, audience
        self.port = process.free_port()
        self.url = f"https://localhost:{self.port}"
        self.log = directory / f"{role}.log"
        self.process = None


class System:
    def __init__(self, example, binary, directory):
        self.example, self.directory = example, directory
        self.authority = Authority(directory)
        self.web = Web(self.authority.certificate)
        self.grantd = Grantd(binary, self.authority, self.web, example.grantd_settings)
        self.services = {}
        self.caller = None

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        faults = []
        for part in [*(s.process for s in self.services.values() if s.process), self.grantd]:
            try:
                part.stop()
            except Failure as failure:
                faults.append(str(failure))
        faults += self._secrets_printed()
        if faults and kind is None:
            raise Failure("; ".join(faults))

    # --- starting -----------------------------------------------------------------------------

    def start(self):
        """The services first, as after a power cut: they must wait for grantd, not give up."""
        self._register()
        for service in self.services.values():
            self._launch(service)
        if self.example.kind == "services":
            for service in self.services.values():
                self._wait_for_health(service, 503)
        self.grantd.start()
        for service in self.services.values():
            self._wait_for_health(service, 200)

    def _register(self):
        self.caller = self.grantd.create_client(
            "caller", "--scope", "users:read profiles:read", "--audience", USERS)
        for role in self.example.services:
            audience, options = self._registration(role)
            client = self.grantd.create_client(role, "--serves", audience, *options)
            self.services[role] = Service(role, client, audience, self.directory)
            self.authority.issue(role)

    def _registration(self, role):
        if role == "user-service":
            return USERS, ["--audience", PROFILES, "--scope", "profiles:read",
                           "--exchange-audience", PROFILES, "--exchange-scope", "profiles:read",
                           "--token-lifetime", f"{SHORT_LIFE}s"]
        return f"https://{role.removesuffix('-service')}.example.com", []

    def _launch(self, service):
        contract = {
            "PORT": service.port, "BIND": "127.0.0.1", "ISSUER": self.grantd.issuer,
            "CA_FILE": self.authority.certificate,
            "TLS_CERT_FILE": self.directory / f"{service.role}.crt",
            "TLS_KEY_FILE": self.directory / f"{service.role}.key",
            "CLIENT_ID": service.client.id, "CLIENT_SECRET_FILE": service.client.secret_file,
            "AUDIENCE": service.audience,
        }
        if "profile-service" in self.services and service.role != "profile-service":
            contract["PROFILE_URL"] = self.services["profile-service"].url
            contract["PROFILE_AUDIENCE"] = PROFILES
        service.process = process.Process(
            service.role, self.example.services[service.role], service.log,
            {**self.example.service_environment(), **{n: str(v) for n, v in contract.items()}},
            self.example.directory)

    def _wait_for_health(self, service, status):
        def answers():
            check(service.process.running(), f"{service.role} ended while it started")
            try:
                return self.web.get(service.url + "/healthz").status == status
            except NO_ANSWER:
                return False

        until(f"{status} of {service.role}'s /healthz", answers, self.example.ready_seconds, every=0.1)

    # --- using --------------------------------------------------------------------------------

    def url(self, role, path):
        return self.services[role].url + path

    def get(self, role, path, token=None):
        """A Failure where there is no answer."""
        try:
            return self.web.get(self.url(role, path), token)
        except NO_ANSWER as error:
            raise Failure(f"{role} {path}: no answer: {error!r}") from error

    def expect(self, status, role, path, token=None):
        answer = self.get(role, path, token)
        check(answer.status == status,
              f"{role} {path}: {status} expected, not {answer.status}: {answer.text[:300]}")
        return answer

    def stop_service(self, role):
        service, started = self.services[role], self.services[role].process
        service.process = None
        started.stop()

    # --- what was printed ---------------------------------------------------------------------

    def logs(self):
        """Files with what each program printed."""
        return sorted(self.directory.glob("*.log"))

    def _secrets_printed(self):
        return [f"a secret or a token stands in the output of {file.stem}"
                for file in self.logs() if SECRET.search(file.read_text(errors="replace"))]
