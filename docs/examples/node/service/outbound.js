// HTTPS to others: one authority, time-outs, a bounded pool, and a retry where nothing was done yet.
import { setTimeout as sleep } from 'node:timers/promises'
import { Agent, fetch as undiciFetch } from 'undici'
import { settings } from './settings.js'

const tries = 3
const pauseMs = 100
const answerMs = 5_000
// No connection: the request cannot have had an effect.
const notConnected = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT'])
const timedOut = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT'])

/** Somebody we need did not answer as hoped; `status` is what our own caller gets. */
export class Unavailable extends Error {
  constructor(status, message) {
    super(message)
    this.status = status
  }
}

/** An agent whose answers begin within `withinMs`. */
export const newAgent = (withinMs) =>
  new Agent({
    connect: { ca: settings.ca, timeout: 2_000 },
    connections: 50,
    headersTimeout: withinMs,
    bodyTimeout: answerMs,
    // Idle connections are left before the other side leaves them: no request meets a closed one.
    keepAliveTimeout: 3_000,
    keepAliveMaxTimeout: 3_000,
  })

const agent = newAgent(answerMs)

/** Milliseconds to pause: twice as long each time, `most` at most, with jitter. */
export const backoff = (failures, most) => Math.min(most, pauseMs * 2 ** failures) * (0.5 + Math.random() / 2)

/** Like fetch, with retries; any status but 503 is an answer. Throws Unavailable. */
export async function send(url, options = {}) {
  for (let failures = 1; ; failures++) {
    let problem
    try {
      const answer = await undiciFetch(url, { redirect: 'error', ...options, dispatcher: agent })
      if (answer.status !== 503) return answer
      await answer.body?.cancel()
      problem = new Unavailable(503, `${url} answers 503`)
    } catch (error) {
      const code = error.cause?.code
      const late = timedOut.has(code) || error.name === 'TimeoutError'
      problem = new Unavailable(late ? 504 : 502, `${url}: ${code ?? error.message}`)
      if (!notConnected.has(code)) throw problem
    }
    if (failures === tries) throw problem
    await sleep(backoff(failures, 4 * pauseMs))
  }
}
