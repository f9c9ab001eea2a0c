// Checks a caller's token without asking anybody.
import { jwtVerify } from 'jose'
import { feedLoaded, revokes } from './feed.js'
import { keys } from './keys.js'
import { Unavailable } from './outbound.js'
import { settings } from './settings.js'

/** Becomes the answer of RFC 6750 §3. */
export class Refused extends Error {
  constructor(status, code) {
    super(code)
    this.status = status
  }
}

export const invalidToken = () => new Refused(401, 'invalid_token')

/** The caller's `{ token, claims }`; throws Refused, or Unavailable before we know at all what was revoked. */
export async function verify(request, scope) {
  if (!feedLoaded()) throw new Unavailable(503, 'the revocations are not loaded yet')
  const [, token] = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '') ?? []
  if (token === undefined) throw invalidToken()
  const { payload, protectedHeader } = await jwtVerify(token, keys, {
    algorithms: ['RS256'],
    typ: 'at+jwt',
    issuer: settings.issuer,
    audience: settings.audience,
    requiredClaims: ['exp', 'iat', 'sub', 'jti'],
    clockTolerance: 1,
  }).catch(() => {
    throw invalidToken()
  })
  if (revokes(payload, protectedHeader.kid)) throw invalidToken()
  if (!(payload.scope ?? '').split(' ').includes(scope)) throw new Refused(403, 'insufficient_scope')
  return { token, claims: payload }
}
