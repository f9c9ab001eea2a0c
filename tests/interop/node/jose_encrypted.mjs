// A resource server whose tokens are encrypted to it: jose opens them, finds the right key by its
// kid after a rotation, and verifies the signed token inside.
import assert from 'node:assert/strict'
import * as interop from './interop.mjs'

const jose = await interop.need('jose')
const oauth = await interop.need('oauth4webapi')

const server = await oauth.processDiscoveryResponse(
  interop.issuer, await oauth.discoveryRequest(interop.issuer, { algorithm: 'oauth2' }))
const { id, secret } = interop.credentials('client_secret_basic')
const client = { client_id: id }
const signingKeys = jose.createRemoteJWKSet(new URL(server.jwks_uri))

const kinds = [['RSA-OAEP-256', {}], ['ECDH-ES+A256KW', { crv: 'P-256' }],
  ['ECDH-ES+A256KW', { crv: 'P-521' }]]
const published = []
const privateKeys = new Map()

async function addKey(alg, options) {
  const kid = `reader-${published.length}`
  const pair = await jose.generateKeyPair(alg, options)
  privateKeys.set(kid, pair.privateKey)
  published.unshift({ ...await jose.exportJWK(pair.publicKey), kid, alg, use: 'enc' })
  interop.encryptTo({ keys: published }, alg)
  return kid
}

async function fetchToken() {
  const answer = await oauth.clientCredentialsGrantRequest(
    server, client, oauth.ClientSecretBasic(secret), {})
  return (await oauth.processClientCredentialsResponse(server, client, answer)).access_token
}

async function tokenFor(kid) {
  return interop.until(`token for the key ${kid}`, async () => {
    const token = await fetchToken()
    return jose.decodeProtectedHeader(token).kid === kid ? token : null
  })
}

async function verify(token) {
  const { plaintext, protectedHeader } = await jose.compactDecrypt(
    token, ({ kid }) => privateKeys.get(kid), { contentEncryptionAlgorithms: ['A256GCM'] })
  assert.equal(protectedHeader.cty, 'JWT')
  const { payload } = await jose.jwtVerify(new TextDecoder().decode(plaintext), signingKeys, {
    issuer: server.issuer, audience: interop.audience, typ: 'at+jwt', algorithms: ['RS256'],
  })
  interop.checkClaims(payload, id)
}

const tokens = []
for (const [alg, options] of kinds) tokens.push(await tokenFor(await addKey(alg, options)))
for (const token of tokens) await verify(token)
