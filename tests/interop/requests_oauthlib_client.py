"""requests-oauthlib gets tokens; jwcrypto verifies them."""

import json

import interop

requests = interop.need("requests")
requests_oauthlib = interop.need("requests_oauthlib")
jwk, jws = interop.need("jwcrypto.jwk"), interop.need("jwcrypto.jws")
BackendApplicationClient = interop.need("oauthlib.oauth2").BackendApplicationClient


def exercise(method):
    client_id, client_secret = interop.credentials(method)
    metadata = requests.get(interop.METADATA_URL, timeout=10).json()
    session = requests_oauthlib.OAuth2Session(client=BackendApplicationClient(client_id=client_id))
    in_body = method == "client_secret_post"
    token = session.fetch_token(
        metadata["token_endpoint"],
        include_client_id=in_body,
        client_secret=client_secret if in_body else None,
        auth=None if in_body else requests.auth.HTTPBasicAuth(client_id, client_secret),
        audience=interop.AUDIENCE,
        scope=interop.SCOPE.split(),
    )

    signature = jws.JWS()
    signature.deserialize(token["access_token"])
    keys = jwk.JWKSet.from_json(requests.get(metadata["jwks_uri"], timeout=10).text)
    signature.verify(keys.get_key(signature.jose_header["kid"]), alg="RS256")
    interop.check(signature.jose_header["typ"] == "at+jwt", "typ is at+jwt")
    interop.check_claims(json.loads(signature.payload), client_id)


for method in interop.METHODS:
    exercise(method)
