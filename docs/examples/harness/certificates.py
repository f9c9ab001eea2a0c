"""The example authority, and certificates for localhost signed by it. Made with openssl, so that
nothing of grantd vouches for itself. Private keys are 0600."""

import itertools
import os
import subprocess

from .failure import check

NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]


class Authority:
    def __init__(self, directory):
        self.directory = directory
        self.certificate = directory / "ca.crt"
        self._key = directory / "ca.key"
        self._serials = itertools.count(1)
        _request("-subj", "/CN=grantd examples' authority", "-keyout", self._key,
                 "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-out", self.certificate)
        self._key.chmod(0o600)

    def issue(self, name):
        """A new key and certificate in NAME.key and NAME.crt; both replaced at once where they stand
        already, the key first. Returns the certificate's serial number, in hex."""
        key, certificate = self.directory / f"{name}.key", self.directory / f"{name}.crt"
        new_key, new_certificate = key.with_suffix(".key.new"), certificate.with_suffix(".crt.new")
        serial = f"{next(self._serials):02X}"
        new_key.touch(mode=0o600)
        _request("-subj", f"/CN={name}", "-CA", self.certificate, "-CAkey", self._key,
                 "-set_serial", f"0x{serial}", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                 "-addext", "basicConstraints=critical,CA:FALSE",
                 "-addext", "extendedKeyUsage=serverAuth",
                 "-keyout", new_key, "-out", new_certificate)
        new_key.chmod(0o600)
        os.replace(new_key, key)
        os.replace(new_certificate, certificate)
        return serial


def _request(*options):
    done = subprocess.run(["openssl", "req", "-x509", *NEW_KEY, *options],
                          capture_output=True, text=True)
    check(done.returncode == 0, f"openssl ended with {done.returncode}: {done.stderr}")
