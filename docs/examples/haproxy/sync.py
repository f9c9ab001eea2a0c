#!/usr/bin/python3
"""sync.py DIRECTORY: keeps what a verifying HAProxy knows current, from grantd's JWK set and its
revocation feed.

It writes DIRECTORY/keys/KID.pem, keys.cfg and the maps, and tells the running HAProxy: changes of
a map through the runtime API, new keys by a reload (HAProxy 2.6 reads keys at start alone), through
the master's socket. Files are written first, so that a process that starts reads the same.
Python's standard library and python3-jwcrypto.
"""

import base64
import hashlib
import http.client
import json
import os
import pathlib
import random
import re
import ssl
import sys
import threading
import time
import urllib.parse

from jwcrypto import jwk, jws
from runtime import Runtime

WAIT_SECONDS = 30          # how long grantd may hold an answer of the feed
TIMEOUT_SECONDS = 5
LONGEST_PAUSE_SECONDS = 5
RELOAD_SECONDS = 10        # until the new worker answers
SHORTEST_JWKS_SECONDS = 0.5
LINES_A_COMMAND = 100      # they must fit into HAProxy's buffer of 16 KiB
JTI = re.compile(r"[A-Za-z0-9._-]{1,256}")
KID = re.compile(r"[A-Za-z0-9_-]{1,128}")


def log(text):
    print(text, file=sys.stderr, flush=True)


class Grantd:
    def __init__(self, environment):
        self.issuer = environment["ISSUER"]
        self._base = urllib.parse.urlsplit(self.issuer.rstrip("/"))
        self._context = ssl.create_default_context(cafile=environment["CA_FILE"])
        self._client = environment["CLIENT_ID"]
        self._secret_file = pathlib.Path(environment["CLIENT_SECRET_FILE"])

    def get(self, path, wait=0, authenticate=False):
        """(status, headers, text); OSError or HTTPException where grantd does not answer."""
        connection = http.client.HTTPSConnection(
            self._base.hostname, self._base.port or 443, timeout=TIMEOUT_SECONDS + wait,
            context=self._context)
        try:
            connection.request("GET", self._base.path + path,
                               headers=self._credentials() if authenticate else {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode()
        finally:
            connection.close()

    def _credentials(self):
        """The secret is read each time: a rotated one needs no restart."""
        pair = (self._client, self._secret_file.read_text().strip())
        quoted = ":".join(urllib.parse.quote(word, safe="") for word in pair)
        return {"Authorization": "Basic " + base64.b64encode(quoted.encode()).decode()}


class Gateway:
    """HAProxy's files, and the running process's view of them. One change at a time."""

    MAPS = ("keys", "revoked", "not_before", "fresh")

    def __init__(self, directory):
        self._directory = directory
        self._keys_directory = directory / "keys"
        self._keys_directory.mkdir(exist_ok=True)
        self._runtime = Runtime(directory / "runtime.sock")
        self._master = Runtime(directory / "master.sock")
        self._lock = threading.Lock()
        self._maps = {name: {} for name in self.MAPS}  # as HAProxy has them; None: not known
        self._loaded, self._compromised = set(), set()
        for name in self.MAPS:
            self._write(self._file(name), "")

    def set_keys(self, pems):
        """`pems`: by kid. A key that goes leaves its map at once; one that comes takes a reload."""
        with self._lock:
            for kid, pem in pems.items():
                self._write(self._pem(kid), pem)
            good = pems.keys() - self._compromised
            self._change("keys", {kid: self._pem(kid) for kid in good})
            if good <= self._loaded:
                return
            # HAProxy loads the keys that some rule names, so this names them; nobody uses the backend.
            rules = "".join("    http-request deny if "
                            f'{{ var(txn.bearer),jwt_verify("RS256","{self._pem(kid)}") 1 }}\n'
                            for kid in sorted(good))
            self._write(self._directory / "keys.cfg.next", "backend keys\n" + rules)
            if self.started():
                self.start()
                self._reload()
            self._loaded = good
            for file in self._keys_directory.iterdir():
                if file.stem not in good:
                    file.unlink()

    def set_revocations(self, revoked, not_before, compromised):
        with self._lock:
            self._compromised = compromised
            self._change("revoked", revoked)
            self._change("not_before", not_before)
            self._change("keys", {kid: self._pem(kid) for kid in self._loaded - compromised})
            self._change("fresh", {"feed": int(time.time())})

    def start(self):
        """keys.cfg appears, and with it HAProxy: it must not serve before there is all it needs."""
        (self._directory / "keys.cfg.next").replace(self._directory / "keys.cfg")

    def started(self):
        return (self._directory / "keys.cfg").exists()

    def _file(self, name):
        return self._directory / f"{name}.map"

    def _pem(self, kid):
        return self._keys_directory / f"{kid}.pem"

    def _write(self, file, text):
        new = file.with_suffix(file.suffix + ".new")
        new.write_text(text)
        new.replace(file)

    def _change(self, name, wanted):
        """The file first, then the running process, entry by entry, as most changes are small. Where
        that failed half-way, all of it the next time, in one transaction."""
        known = self._maps[name]
        if wanted == known:
            return
        file = self._file(name)
        self._write(file, "".join(f"{key} {value}\n" for key, value in wanted.items()))
        self._maps[name] = None
        if self.started():
            if known is None:
                self._replace(file, wanted)
            else:
                self._alter(file, known, wanted)
        self._maps[name] = wanted

    def _alter(self, file, known, wanted):
        for key in known.keys() - wanted.keys():
            self._runtime.do(f"del map {file} {key}")
        for key in known.keys() & wanted.keys():
            if known[key] != wanted[key]:
                self._runtime.do(f"set map {file} {key} {wanted[key]}")
        self._add(file, {key: wanted[key] for key in wanted.keys() - known.keys()})

    def _replace(self, file, wanted):
        version = self._runtime.ask(f"prepare map {file}").split()[-1]
        self._add(f"@{version} {file}", wanted)
        self._runtime.do(f"commit map @{version} {file}")

    def _add(self, where, entries):
        lines = [f"{key} {value}" for key, value in entries.items()]
        for first in range(0, len(lines), LINES_A_COMMAND):
            block = "\n".join(lines[first:first + LINES_A_COMMAND])
            self._runtime.do(f"add map {where} <<\n{block}\n")

    def _reload(self):
        """No connection is lost: the new worker takes over the listening sockets. Until it answers,
        nothing else changes, so that no change reaches only the old one."""
        old = self._runtime.pid()
        self._master.ask("reload")
        deadline = time.monotonic() + RELOAD_SECONDS
        while self._runtime.pid() in (old, None):
            if time.monotonic() > deadline:
                raise RuntimeError("HAProxy did not take the new keys")
            time.sleep(0.02)
        log("reloaded for new keys")


class Keys:
    def __init__(self, grantd, gateway):
        self._grantd, self._gateway = grantd, gateway
        self.set = jwk.JWKSet()
        self.wake = threading.Event()  # another key may be there, sooner than `max-age` says

    def run(self):
        pause = 0
        while True:
            self.wake.wait(pause)
            self.wake.clear()
            try:
                pause = self.fetch()
            except Exception as error:
                log(f"jwks: {error!r}")
                pause = 1

    def fetch(self):
        """Seconds until the next time. An answer without a usable key changes nothing."""
        status, headers, text = self._grantd.get("/.well-known/jwks.json")
        if status != 200:
            raise RuntimeError(f"status {status}")
        keys = jwk.JWKSet.from_json(text)
        pems = {key["kid"]: key.export_to_pem().decode() for key in keys
                if key["kty"] == "RSA" and KID.fullmatch(key.get("kid", ""))}
        if not pems:
            raise RuntimeError("no usable key")
        self.set = keys
        self._gateway.set_keys(pems)
        age = re.search(r"max-age=(\d+)", headers.get("Cache-Control", ""))
        return max(SHORTEST_JWKS_SECONDS, int(age[1]) if age else 60)


class Feed:
    def __init__(self, grantd, keys, gateway):
        self._grantd, self._keys, self._gateway = grantd, keys, gateway
        self._revoked, self._not_before, self._kids = {}, {}, set()
        self._cursor, self._pushed = None, True

    def poll(self):
        """One answer taken in. Raises where there is none, or none to be trusted."""
        path, wait = "/revocations", 0
        if self._cursor is not None:
            path, wait = f"{path}?since={self._cursor}&wait={WAIT_SECONDS}", WAIT_SECONDS
        status, _, text = self._grantd.get(path, wait, authenticate=True)
        if status != 200:
            raise RuntimeError(f"status {status}")
        document = self._verified(text)
        self._merge(document)
        if document["more"]:
            return self.poll()
        self._pushed = False
        return self.push()

    def push(self):
        """The cursor has moved on: where HAProxy did not take it, this has to be tried again."""
        self._gateway.set_revocations(self._revoked,
                                      {key: iat for key, (iat, _) in self._not_before.items()},
                                      self._kids)
        self._pushed = True

    def _verified(self, text):
        signed = jws.JWS()
        signed.allowed_algs = ["RS256"]
        signed.deserialize(text)
        key = self._keys.set.get_key(signed.jose_header.get("kid", ""))
        if key is None:
            self._keys.wake.set()
            raise RuntimeError("unknown kid")
        signed.verify(key)
        if signed.jose_header.get("typ") != "revocations+jwt":
            raise RuntimeError("another typ")
        document = json.loads(signed.payload)
        if document["iss"] != self._grantd.issuer:
            raise RuntimeError("another issuer")
        return document

    def _merge(self, document):
        now = time.time()
        if document["full"]:
            self._revoked, self._not_before = {}, {}
        self._revoked = {jti: exp for jti, exp in {**self._revoked, **document["revoked"]}.items()
                         if exp > now and JTI.fullmatch(jti)}
        entries = {hashlib.sha256(client.encode()).hexdigest().upper(): (entry["iat"], entry["exp"])
                   for client, entry in document["not_before"].items()}
        if "not_before_all" in document:
            entries["all"] = (document["not_before_all"]["iat"], document["not_before_all"]["exp"])
        self._not_before = {key: entry for key, entry in {**self._not_before, **entries}.items()
                            if entry[1] > now}
        if set(document["kids"]) != self._kids:
            self._kids = set(document["kids"])
            self._keys.wake.set()
        self._cursor = document["seq"]

    def run(self):
        pause = 0.1
        while True:
            began = time.monotonic()
            try:
                if self._pushed:
                    self.poll()
                else:
                    self.push()
                pause = 0.1
                # One that answers at once has too many waiters: not at once again.
                if time.monotonic() - began < pause:
                    time.sleep(pause)
            except Exception as error:
                log(f"feed: {error!r}")
                time.sleep(random.uniform(pause / 2, pause))
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


def patiently(what, attempt):
    while True:
        try:
            return attempt()
        except Exception as error:
            log(f"{what}: {error!r}")
            time.sleep(0.5)


def main(directory):
    grantd = Grantd(os.environ)
    gateway = Gateway(pathlib.Path(directory))
    keys = Keys(grantd, gateway)
    feed = Feed(grantd, keys, gateway)
    patiently("jwks", keys.fetch)
    patiently("feed", feed.poll)
    gateway.start()
    threading.Thread(target=keys.run, daemon=True).start()
    feed.run()


if __name__ == "__main__":
    main(sys.argv[1])
