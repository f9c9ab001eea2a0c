"""JWTs taken apart and put together wrongly: what a verifier must refuse."""

import base64
import hashlib
import hmac
import json
import subprocess

from .failure import check


def encode(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def header(token):
    return json.loads(decode(token.split(".")[0]))


def claims(token):
    return json.loads(decode(token.split(".")[1]))


def with_one_bit_flipped(token, part):
    """`part`: 0 the header, 1 the claims, 2 the signature. The bit is in the middle."""
    parts = token.split(".")
    octets = bytearray(decode(parts[part]))
    octets[len(octets) // 2] ^= 0x01
    parts[part] = encode(octets)
    return ".".join(parts)


def unsigned(token):
    """The same claims with `alg` none and no signature."""
    return signing_input({**header(token), "alg": "none"}, claims(token)) + "."


def hmac_with_public_key(token, public_pem):
    """HS256 with the public key as secret: taken where a verifier believes the header's `alg`."""
    text = signing_input({**header(token), "alg": "HS256"}, claims(token))
    return text + "." + encode(hmac.digest(public_pem, text.encode(), hashlib.sha256))


def signed(head, body, private_key_file):
    """RS256 by openssl."""
    text = signing_input(head, body)
    return text + "." + encode(openssl(["dgst", "-sha256", "-sign", private_key_file], text.encode()))


def public_pem(private_key_file):
    return openssl(["pkey", "-in", private_key_file, "-pubout"])


def new_rsa_key(file):
    openssl(["genpkey", "-quiet", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048",
             "-out", file])


def signing_input(head, body):
    return ".".join(encode(json.dumps(part, separators=(",", ":")).encode()) for part in (head, body))


def openssl(arguments, octets=b""):
    done = subprocess.run(["openssl", *map(str, arguments)], input=octets, capture_output=True)
    check(done.returncode == 0, f"openssl {arguments[0]}: {done.stderr.decode(errors='replace')}")
    return done.stdout
