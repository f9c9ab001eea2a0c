// What the Node client scripts share: where the server is, and what its tokens must hold.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

export const issuer = new URL(process.env.INTEROP_ISSUER)
export const audience = process.env.INTEROP_AUDIENCE
export const scope = process.env.INTEROP_SCOPE
export const methods = ['client_secret_basic', 'client_secret_post']

const skipped = 77
const rotationMilliseconds = 30_000

// The module, or the end of the script as skipped.
export async function need(name) {
  try {
    return await import(name)
  } catch (error) {
    if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error
    console.log(`skipped: ${error.message}`)
    process.exit(skipped)
  }
}

export function credentials(method) {
  const [id, secret] = process.env[`INTEROP_${method.toUpperCase()}`].split(' ')
  return { id, secret }
}

export function checkClaims(claims, id) {
  const { iss, sub, client_id, aud, scope: granted } = claims
  assert.deepEqual({ iss, sub, client_id, aud, granted },
    { iss: process.env.INTEROP_ISSUER, sub: id, client_id: id, aud: audience, granted: scope })
  assert.ok(claims.exp > claims.iat)
}

export function generateKey() {
  const { INTEROP_GRANTD: grantd, INTEROP_CONFIG: config } = process.env
  execFileSync(grantd, ['key', 'generate', '--config', config])
}

// Makes the audience's tokens encrypted, or encrypted to another key, and reloads.
export function encryptTo(jwks, alg) {
  const { INTEROP_CONFIG: config, INTEROP_PID: pid } = process.env
  writeFileSync(join(dirname(config), 'reader.jwks.json'), JSON.stringify(jwks))
  const values = JSON.parse(readFileSync(config))
  values.audiences = { [audience]: { encryption: { jwks_file: 'reader.jwks.json', alg } } }
  writeFileSync(config, JSON.stringify(values))
  process.kill(Number(pid), 'SIGHUP')
}

// The first true answer of `attempt`.
export async function until(what, attempt) {
  const deadline = Date.now() + rotationMilliseconds
  while (Date.now() < deadline) {
    const answer = await attempt()
    if (answer) return answer
    await pause(100)
  }
  throw new Error(`no ${what} within ${rotationMilliseconds} ms`)
}
