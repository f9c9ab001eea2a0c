"""Authlib gets, introspects and revokes tokens; PyJWT verifies them."""

import interop

jwt = interop.need("jwt")
OAuth2Session = interop.need("authlib.integrations.requests_client").OAuth2Session


def exercise(method):
    client_id, client_secret = interop.credentials(method)
    session = OAuth2Session(client_id, client_secret, token_endpoint_auth_method=method,
                            revocation_endpoint_auth_method=method)
    metadata = session.get(interop.METADATA_URL, withhold_token=True).json()
    interop.check(method in metadata["token_endpoint_auth_methods_supported"], f"{method} offered")
    token = session.fetch_token(metadata["token_endpoint"], grant_type="client_credentials")
    access_token = token["access_token"]

    keys = jwt.PyJWKClient(metadata["jwks_uri"])
    claims = jwt.decode(access_token, keys.get_signing_key_from_jwt(access_token).key,
                        algorithms=["RS256"], audience=interop.AUDIENCE, issuer=metadata["issuer"])
    interop.check_claims(claims, client_id)
    interop.check(token["expires_in"] == claims["exp"] - claims["iat"], "expires_in is exp - iat")

    def introspect():
        return session.introspect_token(metadata["introspection_endpoint"], access_token).json()

    interop.check(introspect()["jti"] == claims["jti"], "introspection knows the token")
    interop.check(session.revoke_token(metadata["revocation_endpoint"], access_token).ok, "revoked")
    interop.check(introspect() == {"active": False}, "a revoked token is inactive")


for method in interop.METHODS:
    exercise(method)
