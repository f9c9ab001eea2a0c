"""The environment, read once; the contract is in ../../README.md."""

import os
import pathlib


class Settings:
    def __init__(self):
        self.port = int(os.environ["PORT"])
        self.bind = os.environ.get("BIND", "127.0.0.1")
        self.issuer = os.environ["ISSUER"]
        self.ca_file = os.environ["CA_FILE"]
        self.tls_files = os.environ["TLS_CERT_FILE"], os.environ["TLS_KEY_FILE"]
        self.audience = os.environ["AUDIENCE"]
        secret = pathlib.Path(os.environ["CLIENT_SECRET_FILE"]).read_text().strip()
        self.credentials = os.environ["CLIENT_ID"], secret
        # user-service alone has these.
        self.profile_url = os.environ.get("PROFILE_URL")
        self.profile_audience = os.environ.get("PROFILE_AUDIENCE")

    def endpoint(self, path):
        return self.issuer.rstrip("/") + path
