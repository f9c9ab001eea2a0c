// The environment, read once; the contract is in ../../README.md.
import { readFileSync } from 'node:fs'

const { env } = process

export const settings = {
  port: Number(env.PORT),
  bind: env.BIND ?? '127.0.0.1',
  issuer: env.ISSUER,
  ca: readFileSync(env.CA_FILE),
  tls: { certificate: env.TLS_CERT_FILE, key: env.TLS_KEY_FILE },
  clientId: env.CLIENT_ID,
  clientSecret: readFileSync(env.CLIENT_SECRET_FILE, 'utf8').trim(),
  audience: env.AUDIENCE,
  // user-service alone has these.
  profileUrl: env.PROFILE_URL,
  profileAudience: env.PROFILE_AUDIENCE,
}

export const endpoint = (path) => settings.issuer.replace(/\/$/, '') + path
