"""A resource server whose tokens are encrypted to it: jwcrypto opens them, finds the right key by
its kid after a rotation, and verifies the signed token inside."""

import json

import interop

jwk = interop.need("jwcrypto.jwk")
jwe = interop.need("jwcrypto.jwe")
jwt = interop.need("jwcrypto.jwt")
requests = interop.need("requests")

metadata = requests.get(interop.METADATA_URL, timeout=10).json()
CREDENTIALS = tuple(interop.credentials("client_secret_basic"))

KINDS = (
    ("RSA-OAEP-256", {"kty": "RSA", "size": 2048}),
    ("RSA-OAEP-256", {"kty": "RSA", "size": 4096}),
    ("ECDH-ES+A256KW", {"kty": "EC", "crv": "P-256"}),
    ("ECDH-ES+A256KW", {"kty": "EC", "crv": "P-384"}),
    ("ECDH-ES+A256KW", {"kty": "EC", "crv": "P-521"}),
)


def fetch_token():
    answer = requests.post(metadata["token_endpoint"], auth=CREDENTIALS, timeout=10,
                           data={"grant_type": "client_credentials"})
    interop.check(answer.status_code == 200, f"a token, not {answer.status_code}")
    return answer.json()["access_token"]


def kid_of(token):
    """Of an encrypted token; None of another."""
    parsed = jwe.JWE()
    try:
        parsed.deserialize(token)
    except jwe.InvalidJWEData:
        return None
    return json.loads(parsed.objects["protected"])["kid"]


def token_for(kid):
    def attempt():
        token = fetch_token()
        return token if kid_of(token) == kid else None
    return interop.until(f"token for the key {kid}", attempt)


def check_content(token, key, alg):
    opened = jwe.JWE(algs=[alg, "A256GCM"])
    opened.deserialize(token, key)
    interop.check(opened.jose_header["cty"] == "JWT", "cty is JWT")
    signing_keys = jwk.JWKSet.from_json(requests.get(metadata["jwks_uri"], timeout=10).text)
    inner = jwt.JWT(jwt=opened.payload.decode(), key=signing_keys, algs=["RS256"])
    interop.check_claims(json.loads(inner.claims), CREDENTIALS[0])


keys = []  # the newest first, as the file is to have them
tokens = []
for number, (alg, parameters) in enumerate(KINDS):
    key = jwk.JWK.generate(use="enc", alg=alg, kid=f"reader-{number}", **parameters)
    keys.insert(0, key)
    interop.encrypt_to({"keys": [each.export_public(as_dict=True) for each in keys]}, alg)
    tokens.append((token_for(f"reader-{number}"), key, alg))

for token, key, alg in tokens:
    check_content(token, key, alg)
