// An HTTPS server whose certificate is read again when it changes, and what both services answer alike.
import { readFileSync, statSync } from 'node:fs'
import { createServer } from 'node:https'
import { feedFresh, followFeed } from './feed.js'
import { followKeys, keysLoaded } from './keys.js'
import { Unavailable } from './outbound.js'
import { settings } from './settings.js'
import { Refused, verify } from './verifier.js'

const lookMs = 1_000
const stopMs = 10_000

/** `routes`: `{ path, scope, answer }`; `path` is an expression whose first group is the id, and
 * `answer(id, caller)` gives what becomes JSON. Serves until SIGTERM, then finishes what is being answered. */
export function serve(routes) {
  const background = new AbortController()
  const server = createServer(certificate(), (request, response) => handle(routes, request, response))
  Object.assign(server, { requestTimeout: 10_000, headersTimeout: 5_000, keepAliveTimeout: 30_000 })
  server.listen(settings.port, settings.bind)
  const renewing = followCertificate(server)
  followKeys(background.signal)
  followFeed(background.signal)
  process.once('SIGTERM', () => {
    clearInterval(renewing)
    background.abort()
    server.close(() => process.exit(0)) // also closes idle connections
    setTimeout(() => process.exit(1), stopMs).unref()
  })
}

async function handle(routes, request, response) {
  try {
    const path = request.url.split('?')[0]
    if (request.method !== 'GET') return reply(response, 405, { error: 'method_not_allowed' }, { allow: 'GET' })
    if (path === '/healthz') return health(response)
    for (const route of routes) {
      const found = route.path.exec(path)
      if (found) {
        const caller = await verify(request, route.scope)
        return reply(response, 200, await route.answer(found[1], caller))
      }
    }
    reply(response, 404, { error: 'not_found' })
  } catch (error) {
    fail(response, error)
  }
}

function health(response) {
  const ready = keysLoaded() && feedFresh()
  reply(response, ready ? 200 : 503, { ready })
}

function fail(response, error) {
  if (error instanceof Refused) {
    const challenge = { 'www-authenticate': `Bearer error="${error.message}"` }
    reply(response, error.status, { error: error.message }, challenge)
  } else if (error instanceof Unavailable) {
    console.warn(error.message)
    reply(response, error.status, { error: 'temporarily_unavailable' })
  } else {
    console.error('unexpected:', error.name)
    reply(response, 500, { error: 'server_error' })
  }
}

function reply(response, status, body, headers = {}) {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify(body))
}

const certificate = () => ({
  cert: readFileSync(settings.tls.certificate),
  key: readFileSync(settings.tls.key),
})

/** Handshakes from then on show the new certificate; open connections stay. */
function followCertificate(server) {
  const versions = () => Object.values(settings.tls).map((file) => statSync(file).mtimeMs).join()
  let loaded = versions()
  return setInterval(() => {
    try {
      const found = versions()
      if (found === loaded) return
      server.setSecureContext(certificate()) // throws where the two do not match yet
      loaded = found
    } catch (error) {
      console.warn('certificate not renewed:', error.code ?? error.message)
    }
  }, lookMs)
}
