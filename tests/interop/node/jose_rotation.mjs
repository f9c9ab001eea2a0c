// A verifier that caches the JWKS goes on through a key rotation: jose's createRemoteJWKSet, with
// its cache of 10 minutes, meets a token of a key that it has not seen yet. Its cool-down after an
// unknown kid (30 s, far below the shipped publish_before) is off: the rotation here takes seconds.
import assert from 'node:assert/strict'
import * as interop from './interop.mjs'

const jose = await interop.need('jose')
const oauth = await interop.need('oauth4webapi')

const server = await oauth.processDiscoveryResponse(
  interop.issuer, await oauth.discoveryRequest(interop.issuer, { algorithm: 'oauth2' }))
const { id, secret } = interop.credentials('client_secret_basic')
const client = { client_id: id }

let fetches = 0
const keys = jose.createRemoteJWKSet(new URL(server.jwks_uri), {
  cooldownDuration: 0,
  [jose.customFetch]: (...request) => {
    fetches += 1
    return fetch(...request)
  },
})

async function fetchToken() {
  const answer = await oauth.clientCredentialsGrantRequest(
    server, client, oauth.ClientSecretBasic(secret), {})
  return (await oauth.processClientCredentialsResponse(server, client, answer)).access_token
}

async function verify(token) {
  const { payload, protectedHeader } = await jose.jwtVerify(token, keys, {
    issuer: server.issuer, audience: interop.audience, typ: 'at+jwt',
  })
  interop.checkClaims(payload, id)
  return protectedHeader.kid
}

const before = await fetchToken()
const firstKid = await verify(before)
interop.generateKey()
await interop.until('token of the new key',
  async () => await verify(await fetchToken()) !== firstKid)
assert.equal(await verify(before), firstKid)
assert.equal(fetches, 2, 'one fetch at first, one for the new kid')
