// oauth4webapi asks for a signed introspection answer (RFC 9701), validates it and its signature.
import assert from 'node:assert/strict'
import * as interop from './interop.mjs'

const oauth = await interop.need('oauth4webapi')

const server = await oauth.processDiscoveryResponse(
  interop.issuer, await oauth.discoveryRequest(interop.issuer, { algorithm: 'oauth2' }))
const { id, secret } = interop.credentials('client_secret_basic')
const client = { client_id: id, introspection_signed_response_alg: 'RS256' }
const proof = oauth.ClientSecretBasic(secret)

async function introspect(token) {
  const response = await oauth.introspectionRequest(server, client, proof, token)
  const answer = await oauth.processIntrospectionResponse(server, client, response)
  await oauth.validateApplicationLevelSignature(server, response)
  return answer
}

const answer = await oauth.clientCredentialsGrantRequest(server, client, proof, {})
const token = (await oauth.processClientCredentialsResponse(server, client, answer)).access_token
const { active, ...claims } = await introspect(token)
assert.equal(active, true)
interop.checkClaims(claims, id)
assert.deepEqual(await introspect('garbage'), { active: false })
