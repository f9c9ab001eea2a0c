// Tokens that this service gets: its own by client credentials, and others' by token exchange.
import * as oauth from 'openid-client'
import { send, Unavailable } from './outbound.js'
import { endpoint, settings } from './settings.js'
import { invalidToken } from './verifier.js'

const mostTokens = 10_000
const exchangeGrant = 'urn:ietf:params:oauth:grant-type:token-exchange'
const accessToken = 'urn:ietf:params:oauth:token-type:access_token'

const grantd = new oauth.Configuration(
  { issuer: settings.issuer, token_endpoint: endpoint('/token') },
  settings.clientId,
  {},
  oauth.ClientSecretBasic(settings.clientSecret),
)
grantd[oauth.customFetch] = send

export const clientCredentials = (resource, scope) =>
  unavailableUnlessToken(oauth.clientCredentialsGrant(grantd, { resource, scope }))

/** RFC 8693. Throws Refused where grantd knows already that the caller's token has ended. */
export const exchange = (subjectToken, resource, scope) =>
  unavailableUnlessToken(
    oauth
      .genericGrantRequest(grantd, exchangeGrant, {
        subject_token: subjectToken,
        subject_token_type: accessToken,
        resource,
        scope,
      })
      .catch((error) => {
        throw error.error === 'invalid_request' ? invalidToken() : error
      }),
  )

async function unavailableUnlessToken(asked) {
  try {
    const answer = await asked
    return { value: answer.access_token, life: answer.expires_in }
  } catch (error) {
    // openid-client wraps what our own fetch threw.
    if (error.status !== undefined && error.error === undefined) throw error
    if (error.cause instanceof Unavailable) throw error.cause
    throw new Unavailable(502, `/token: ${error.error ?? error.code ?? error.message}`)
  }
}

/** Tokens by key, the oldest forgotten. Whoever asks while one is being fetched waits for that one. */
export class TokenCache {
  #tokens = new Map()
  #fetching = new Map()

  async get(key, fetch) {
    const token = this.#tokens.get(key)
    const now = performance.now()
    if (token && now < token.renewAt) return token.value
    if (!this.#fetching.has(key)) {
      this.#fetching.set(key, this.#fetch(key, fetch).finally(() => this.#fetching.delete(key)))
    }
    try {
      return await this.#fetching.get(key)
    } catch (error) {
      if (error instanceof Unavailable && token && now < token.expiresAt) return token.value // good for a while yet
      throw error
    }
  }

  /** Unless another has taken its place already. */
  drop(key, value) {
    if (this.#tokens.get(key)?.value === value) this.#tokens.delete(key)
  }

  async #fetch(key, fetch) {
    const { value, life } = await fetch()
    const now = performance.now()
    this.#tokens.delete(key) // a Map keeps the order in which keys came
    this.#tokens.set(key, { value, renewAt: now + 1_000 * (life - Math.min(30, life / 5)), expiresAt: now + 1_000 * life })
    if (this.#tokens.size > mostTokens) this.#tokens.delete(this.#tokens.keys().next().value)
    return value
  }
}
