// oauth4webapi, strict about every answer, gets a token and validates it as a resource server does
// (RFC 9068); it percent-encodes even -_.~ in HTTP Basic.
import assert from 'node:assert/strict'
import * as interop from './interop.mjs'

const oauth = await interop.need('oauth4webapi')

const authentication = {
  client_secret_basic: oauth.ClientSecretBasic,
  client_secret_post: oauth.ClientSecretPost,
}

const server = await oauth.processDiscoveryResponse(
  interop.issuer, await oauth.discoveryRequest(interop.issuer, { algorithm: 'oauth2' }))

async function exercise(method) {
  const { id, secret } = interop.credentials(method)
  const client = { client_id: id }
  const proof = authentication[method](secret)
  const parameters = new URLSearchParams({ resource: interop.audience })

  const answer = await oauth.clientCredentialsGrantRequest(server, client, proof, parameters)
  const token = await oauth.processClientCredentialsResponse(server, client, answer)
  assert.equal(token.scope, interop.scope)

  const request = new Request(interop.audience, {
    headers: { authorization: `Bearer ${token.access_token}` },
  })
  interop.checkClaims(await oauth.validateJwtAccessToken(server, request, interop.audience), id)

  const introspect = async () => oauth.processIntrospectionResponse(server, client,
    await oauth.introspectionRequest(server, client, proof, token.access_token))
  assert.equal((await introspect()).active, true)
  await oauth.processRevocationResponse(
    await oauth.revocationRequest(server, client, proof, token.access_token))
  assert.equal((await introspect()).active, false)
}

for (const method of interop.methods) await exercise(method)
