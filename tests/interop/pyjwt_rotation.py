"""A verifier that caches the JWKS goes on through a key rotation: PyJWT's PyJWKClient, with its
cache of 300 s, meets a token of a key that it has not seen yet."""

import interop

jwt = interop.need("jwt")
requests = interop.need("requests")

metadata = requests.get(interop.METADATA_URL, timeout=10).json()
keys = jwt.PyJWKClient(metadata["jwks_uri"], cache_jwk_set=True, lifespan=300)
CREDENTIALS = tuple(interop.credentials("client_secret_basic"))


def fetch_token():
    answer = requests.post(metadata["token_endpoint"], auth=CREDENTIALS, timeout=10,
                           data={"grant_type": "client_credentials"})
    interop.check(answer.status_code == 200, f"a token, not {answer.status_code}")
    return answer.json()["access_token"]


def kid_of(token):
    return jwt.get_unverified_header(token)["kid"]


def verify(token):
    claims = jwt.decode(token, keys.get_signing_key_from_jwt(token).key, algorithms=["RS256"],
                        audience=interop.AUDIENCE, issuer=metadata["issuer"])
    interop.check_claims(claims, CREDENTIALS[0])


before = fetch_token()
verify(before)
interop.generate_key()


def token_of_another_key():
    token = fetch_token()
    verify(token)
    return token if kid_of(token) != kid_of(before) else None


after = interop.until("token of the new key", token_of_another_key)
verify(after)
verify(before)
