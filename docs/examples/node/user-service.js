// UserService: asks ProfileService in its caller's name (token exchange), or in its own.
import { send, Unavailable } from './service/outbound.js'
import { serve } from './service/server.js'
import { settings } from './service/settings.js'
import { clientCredentials, exchange, TokenCache } from './service/tokens.js'

const scope = 'profiles:read'
const tokens = new TokenCache()

serve([
  {
    path: /^\/users\/([A-Za-z0-9_-]{1,64})$/,
    scope: 'users:read',
    async answer(id, caller) {
      // A jti names one token: that it was verified, we know.
      const profile = await profileOf(id, caller.claims.jti, () =>
        exchange(caller.token, settings.profileAudience, scope))
      return { id, via: 'exchange', profile }
    },
  },
  {
    path: /^\/users\/([A-Za-z0-9_-]{1,64})\/summary$/,
    scope: 'users:read',
    async answer(id) {
      const profile = await profileOf(id, 'our own', () => clientCredentials(settings.profileAudience, scope))
      return { id, via: 'client_credentials', profile }
    },
  },
])

/** With a token from the cache; where that one was refused, once more with a fresh one. */
async function profileOf(id, key, fetch) {
  let answer
  for (let attempt = 1; attempt <= 2; attempt++) {
    const token = await tokens.get(key, fetch)
    answer = await send(`${settings.profileUrl}/profiles/${id}`, { headers: { authorization: `Bearer ${token}` } })
    if (answer.status === 200) return answer.json()
    await answer.body?.cancel()
    if (answer.status !== 401) break
    tokens.drop(key, token)
  }
  throw new Unavailable(502, `profile-service answers ${answer.status}`)
}
