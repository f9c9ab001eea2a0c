"""How large the answers of the revocation feed are: `feed_size.py GRANTD [REVOCATIONS]`.

Starts `grantd serve --dev` in a temporary directory, stores that many live revocations (10,000) as
`grantd token revoke` would, one `seq` and one row in `change` each, and reads the feed as a fresh
reader and as one that is up to date but for one revocation. Prints octets on the wire without HTTP
headers, as they are and as gzip -9 makes them, and how long an answer took. Python's standard
library alone.
"""

import base64
import gzip
import http.client
import json
import os
import pathlib
import re
import secrets
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import threading
import time

START_SECONDS = 30
LIFETIME_SECONDS = 3600


def main(grantd, count):
    with tempfile.TemporaryDirectory(prefix="grantd-bench-") as name:
        directory = pathlib.Path(name) / "dev"
        server, port, secret = start(grantd, directory)
        try:
            feed = Feed(directory, port, secret)
            revoke(directory, count)
            pages = feed.read_all("full, fresh reader")
            cursor = pages[-1]["seq"]
            told = sum(len(page["revoked"]) for page in pages)
            if told != count:
                sys.exit(f"{told} of {count} revocations were told")
            feed.read("nothing new", f"?since={cursor}")
            revoke(directory, 1)
            time.sleep(1.1)  # what was read a moment ago is told for a second
            feed.read("one revocation", f"?since={cursor}")
        finally:
            server.terminate()
            server.wait(15)


def start(grantd, directory):
    environment = os.environ | {"GRANTD_LISTEN__PORT": "0", "GRANTD_OPS__PORT": "0"}
    server = subprocess.Popen([grantd, "serve", "--dev", "--dir", str(directory)], env=environment,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    killer = threading.Timer(START_SECONDS, server.kill)
    killer.start()
    text = ""
    for line in server.stderr:
        text += line
        if "jwks.json" in line:
            break
    killer.cancel()
    found = re.search(r"-u 'demo:([^']+)'.*https://localhost:(\d+)/token", text)
    if not found:
        sys.exit(f"grantd did not start: {text}")
    # What it still writes there must not stop it.
    threading.Thread(target=server.stderr.read, daemon=True).start()
    return server, int(found[2]), found[1]


def revoke(directory, count):
    now = int(time.time())
    with sqlite3.connect(directory / "grantd.db", timeout=30) as database:
        database.execute("BEGIN IMMEDIATE")
        (last,) = database.execute("SELECT value FROM counter WHERE name = 'change'").fetchone()
        for seq in range(last + 1, last + count + 1):
            jti = secrets.token_hex(16)
            database.execute("INSERT INTO change VALUES (?, 'token_revoked', ?, ?, 'operator:bench')",
                             (seq, jti, now))
            database.execute("INSERT INTO revocation (jti, expires_at, seq) VALUES (?, ?, ?)",
                             (jti, now + secrets.randbelow(LIFETIME_SECONDS) + 60, seq))
        database.execute("UPDATE counter SET value = ? WHERE name = 'change'", (last + count,))


class Feed:
    def __init__(self, directory, port, secret):
        context = ssl.create_default_context(cafile=directory / "ca.crt")
        self.connection = http.client.HTTPSConnection("localhost", port, context=context)
        credentials = base64.b64encode(f"demo:{secret}".encode()).decode()
        self.headers = {"Authorization": f"Basic {credentials}"}

    def read(self, what, query):
        began = time.perf_counter()
        self.connection.request("GET", f"/revocations{query}", headers=self.headers)
        response = self.connection.getresponse()
        body = response.read()
        took = (time.perf_counter() - began) * 1000
        if response.status != 200:
            sys.exit(f"{what}: {response.status} {body.decode()}")
        zipped = gzip.compress(body, 9, mtime=0)
        payload = json.loads(base64.urlsafe_b64decode(body.split(b".")[1] + b"=="))
        print(f"{what}: {len(payload['revoked'])} revocations, {len(body)} octets, "
              f"gzip -9 {len(zipped)}, {took:.1f} ms")
        return payload

    def read_all(self, what):
        pages = [self.read(what, "")]
        while pages[-1]["more"]:
            pages.append(self.read("  next page", f"?since={pages[-1]['seq']}"))
        return pages


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 10_000)
