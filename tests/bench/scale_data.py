"""Fills a SQLite database with many clients and live revocations, in seconds rather than hours:
`scale_data.py GRANTD CONFIG CLIENTS REVOCATIONS CREDENTIALS`.

The schema, the pepper's row and the first client are GRANTD's own work (`migrate`, `client create`); the
rows after them are like those that it writes, but for the rows of `change`. No server may run on the
database meanwhile.

Client i has the id `scale-%07d`, the scopes "read" and "write", one audience, and one secret made from a
seed, so that runs can be compared. CREDENTIALS (0600) gets a line of CREDENTIAL_BYTES for each: its HTTP
Basic credentials in base64, of one length so that a load script can seek. The jtis of revocations are made
from the same seed and expire in a day. Importable: `fill`. Python's standard library alone.
"""

import base64
import hashlib
import hmac
import itertools
import json
import os
import pathlib
import sqlite3
import subprocess
import sys
import time

AUDIENCE = "https://api.example.com"
SCOPES = ("read", "write")
SEED = b"grantd benchmarks at scale"
CREDENTIAL_BYTES = 101  # with the final newline
REVOCATION_LIFETIME = 86400

ID_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
TRIPLES = ["".join(each) for each in itertools.product(ID_ALPHABET, repeat=3)]
SECRET_IDS = len(TRIPLES) ** 4  # 12 characters
SCATTER = 3_141_592_653_589_793_239  # odd and no multiple of 3: no two numbers share a secret id


def client_id(number):
    return f"scale-{number:07d}"


def secret_id(number):
    value, digits = (number + 1) * SCATTER % SECRET_IDS, ""
    for _ in range(4):
        value, triple = divmod(value, len(TRIPLES))
        digits += TRIPLES[triple]
    return digits


def secret_text(number, its_id):
    octets = hmac.digest(SEED, b"secret %d" % number, "sha256")
    return "gds_" + its_id + "_" + base64.urlsafe_b64encode(octets).decode().rstrip("=")


def credentials(number, text):
    """What stands behind "Basic ": of one length for all."""
    return base64.b64encode(f"{client_id(number)}:{text}".encode()).decode()


def jti(number):
    return hashlib.md5(SEED + b"%d" % number).hexdigest()


def fill(grantd, config, clients, revocations, credentials_file):
    """`config` is a file whose storage is SQLite; made by the caller, its schema not yet."""
    def command(*arguments):
        done = subprocess.run([grantd, *arguments, "--json", "--config", config], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"grantd {arguments[0]}: {done.stderr}")
        return json.loads(done.stdout) if done.stdout.startswith(("{", "[")) else None

    storage = command("config", "show")["storage"]
    here = pathlib.Path(config).resolve().parent
    database = here / storage["url"].removeprefix("sqlite:")
    pepper = bytes.fromhex((here / storage["pepper_file"]).read_text().split()[0])
    command("migrate")
    command("client", "create", "scale-first", "--audience", AUDIENCE)  # registers the pepper

    connection = sqlite3.connect(database, isolation_level=None)
    # Nothing else has the file open, and a run that dies begins anew.
    for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -400000"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("BEGIN")
    # They keep client.document in step, row by row: here once for all.
    triggers = connection.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
    for name, _ in triggers:
        connection.execute(f"DROP TRIGGER {name}")
    secret_ids = [secret_id(number) for number in range(clients)]
    texts = [secret_text(number, its_id) for number, its_id in enumerate(secret_ids)]
    fill_clients(connection, pepper, secret_ids, texts)
    connection.execute("UPDATE client SET document ="
                       " (SELECT document FROM client_document WHERE client_id = client.id)")
    for _, sql in triggers:
        connection.execute(sql)
    fill_revocations(connection, revocations)
    connection.execute("COMMIT")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    write_credentials(credentials_file, texts)


def fill_clients(connection, pepper, secret_ids, texts):
    now = int(time.time())
    pepper_id, = connection.execute("SELECT id FROM pepper").fetchone()
    # In the order of each table's key: appended, not scattered.
    ids = [client_id(number) for number in range(len(texts))]
    connection.executemany(
        "INSERT INTO client (id, name, auth_method, enabled, created_at, updated_at)"
        " VALUES (?, ?, 'client_secret_basic', 1, ?, ?)", ((each, each, now, now) for each in ids))
    connection.executemany("INSERT INTO client_scope (client_id, position, scope) VALUES (?, ?, ?)",
                           ((each, place, scope) for each in ids for place, scope in enumerate(SCOPES)))
    connection.executemany(
        "INSERT INTO client_audience (client_id, position, audience, default_position)"
        " VALUES (?, 0, ?, 0)", ((each, AUDIENCE) for each in ids))

    def secrets():
        for number in sorted(range(len(texts)), key=secret_ids.__getitem__):
            digest = hmac.digest(pepper, texts[number].encode(), "sha256")
            yield secret_ids[number], ids[number], pepper_id, digest, now

    connection.executemany(
        "INSERT INTO client_secret (secret_id, client_id, label, pepper_id, digest, imported, created_at)"
        " VALUES (?, ?, '', ?, ?, 0, ?)", secrets())


def fill_revocations(connection, revocations):
    now = int(time.time())
    first, = connection.execute("SELECT value + 1 FROM counter WHERE name = 'change'").fetchone()
    jtis = [jti(number) for number in range(revocations)]
    expires_at = now + REVOCATION_LIFETIME
    order = sorted(range(revocations), key=jtis.__getitem__)
    connection.executemany("INSERT INTO revocation (jti, expires_at, seq) VALUES (?, ?, ?)",
                           ((jtis[number], expires_at + number % 3600, first + number) for number in order))
    # Only the last of their changes: the others count as swept, as after a month.
    connection.execute("UPDATE counter SET value = value + ? WHERE name = 'change'", (revocations,))
    if revocations > 0:
        connection.execute("DELETE FROM change")
        connection.execute("INSERT INTO change (seq, kind, id, at, actor) VALUES (?, 'token_revoked', ?, ?, 'server')",
                           (first + revocations - 1, jtis[-1], now))


def write_credentials(file, texts):
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="ascii") as out:
        out.writelines(credentials(number, text) + "\n" for number, text in enumerate(texts))
    if os.path.getsize(file) != len(texts) * CREDENTIAL_BYTES:
        sys.exit(f"{file}: its lines are not of {CREDENTIAL_BYTES} octets")


if __name__ == "__main__":
    if len(sys.argv) != 6:
        sys.exit("usage: scale_data.py GRANTD CONFIG CLIENTS REVOCATIONS CREDENTIALS")
    fill(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
