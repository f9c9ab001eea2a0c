// grantd's public keys: read again after the answer's max-age, and at once for an unknown kid.
import { setTimeout as sleep } from 'node:timers/promises'
import { createRemoteJWKSet, customFetch } from 'jose'
import { backoff, send } from './outbound.js'
import { endpoint } from './settings.js'

const coolDownMs = 2_000 // between look-ups of unknown kids, else anybody could make us hammer grantd
const longestPauseMs = 5_000
let maxAgeMs = 300_000

export const keys = createRemoteJWKSet(new URL(endpoint('/.well-known/jwks.json')), {
  cooldownDuration: coolDownMs,
  // It never throws the set away by itself: with grantd away, the old one is better than none.
  cacheMaxAge: Infinity,
  async [customFetch](url, options) {
    const answer = await send(url, options)
    const age = /max-age=(\d+)/.exec(answer.headers.get('cache-control') ?? '')
    if (age) maxAgeMs = Math.max(Number(age[1]), 1) * 1_000
    return answer
  },
})

export const keysLoaded = () => keys.jwks() !== undefined

/** Keeps them fresh until `signal` aborts. */
export async function followKeys(signal) {
  for (let failures = 0; !signal.aborted; ) {
    try {
      await keys.reload()
      failures = 0
    } catch (error) {
      failures++
      console.warn('jwks:', error.message)
    }
    await sleep(failures ? backoff(failures, longestPauseMs) : maxAgeMs, undefined, { signal }).catch(() => {})
  }
}
