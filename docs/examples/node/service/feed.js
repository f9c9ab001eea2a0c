// What was revoked: a long poll holds grantd's revocation feed open, and each answer is merged.
import { setTimeout as sleep } from 'node:timers/promises'
import { jwtVerify } from 'jose'
import { fetch } from 'undici'
import { keys } from './keys.js'
import { backoff, newAgent } from './outbound.js'
import { endpoint, settings } from './settings.js'

const waitSeconds = 30
const longestPauseMs = 5_000
const staleMs = 60_000 // without an answer for so long, we are not ready

const agent = newAgent((waitSeconds + 10) * 1_000)
const authorization =
  'Basic ' + Buffer.from([settings.clientId, settings.clientSecret].map(encodeURIComponent).join(':')).toString('base64')

let seq // the cursor: nothing that changed behind it is missed
let revoked = new Map() // jti -> when it may be forgotten
let notBefore = new Map() // client id -> { iat, exp }
let notBeforeAll
let kids = new Set()
let heardAt = -Infinity

export const feedLoaded = () => seq !== undefined
export const feedFresh = () => performance.now() - heardAt < staleMs

/** Whether a token of these verified claims, signed with `kid`, is to be refused. */
export function revokes(claims, kid) {
  if (kids.has(kid) || revoked.has(claims.jti) || revoked.has(claims.root_jti)) return true
  const limits = [claims.client_id, claims.sub, ...actors(claims)].map((party) => notBefore.get(party))
  return [...limits, notBeforeAll].some((limit) => limit !== undefined && claims.iat <= limit.iat)
}

/** Who acts, the outermost first (RFC 8693 §4.1). */
export function actors({ act }) {
  return act ? [act.sub, ...actors(act)] : []
}

/** Until `signal` aborts. The cursor stays where it was while grantd is away, and the first question after
 * that does not wait, so that we soon know that we are fresh again. Where an answer says that there is
 * `more`, the next question is answered at once, whatever it would wait. */
export async function followFeed(signal) {
  for (let failures = 0; !signal.aborted; ) {
    try {
      merge(await ask(failures ? 0 : waitSeconds, signal))
      failures = 0
    } catch (error) {
      if (signal.aborted) return
      console.warn('revocations:', error.cause?.code ?? error.message)
      await sleep(backoff(++failures, longestPauseMs), undefined, { signal }).catch(() => {})
    }
  }
}

async function ask(wait, signal) {
  const url = new URL(endpoint('/revocations'))
  if (seq !== undefined) url.search = new URLSearchParams({ since: seq, wait })
  const answer = await fetch(url, { headers: { authorization }, redirect: 'error', signal, dispatcher: agent })
  const text = await answer.text()
  if (answer.status !== 200) throw new Error(`answers ${answer.status}`)
  const { payload } = await jwtVerify(text, keys, {
    algorithms: ['RS256'],
    issuer: settings.issuer,
    typ: 'revocations+jwt',
  })
  return payload
}

function merge(changes) {
  if (changes.full) {
    revoked = new Map()
    notBefore = new Map()
    notBeforeAll = undefined
  }
  for (const [jti, end] of Object.entries(changes.revoked)) revoked.set(jti, end)
  for (const [client, limit] of Object.entries(changes.not_before)) notBefore.set(client, limit)
  notBeforeAll = changes.not_before_all ?? notBeforeAll
  kids = new Set(changes.kids)
  seq = changes.seq
  heardAt = performance.now()
  const now = Date.now() / 1_000
  for (const [jti, end] of revoked) if (end <= now) revoked.delete(jti)
  for (const [client, { exp }] of notBefore) if (exp <= now) notBefore.delete(client)
}
