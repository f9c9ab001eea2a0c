// openid-client discovers the server (RFC 8414), gets, introspects and revokes tokens; jose
// verifies them.
import assert from 'node:assert/strict'
import * as interop from './interop.mjs'

const client = await interop.need('openid-client')
const jose = await interop.need('jose')

const authentication = {
  client_secret_basic: client.ClientSecretBasic,
  client_secret_post: client.ClientSecretPost,
}

async function exercise(method) {
  const { id, secret } = interop.credentials(method)
  const config = await client.discovery(
    interop.issuer, id, undefined, authentication[method](secret), { algorithm: 'oauth2' })
  const token = await client.clientCredentialsGrant(
    config, { resource: interop.audience, scope: interop.scope })

  const keys = jose.createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri))
  const { payload } = await jose.jwtVerify(token.access_token, keys, {
    issuer: config.serverMetadata().issuer, audience: interop.audience,
    typ: 'at+jwt', algorithms: ['RS256'],
  })
  interop.checkClaims(payload, id)

  const known = await client.tokenIntrospection(config, token.access_token)
  assert.equal(known.jti, payload.jti)
  await client.tokenRevocation(config, token.access_token)
  assert.deepEqual(await client.tokenIntrospection(config, token.access_token), { active: false })
}

for (const method of interop.methods) await exercise(method)
