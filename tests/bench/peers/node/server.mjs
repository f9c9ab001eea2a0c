// node-oidc-provider as tests/bench/peers.py loads it: client_credentials by client_secret_basic over
// HTTPS, an RS256 JWT for one resource, everything else as it comes. Its in-memory adapter keeps the
// newest thousand of what it stores; nothing waits for a database.
import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { Provider } from 'oidc-provider';

const { PORT, TLS_CERT_FILE, TLS_KEY_FILE, SIGNING_KEY_FILE, CLIENT_ID, CLIENT_SECRET_FILE } = process.env;
const lifetimeSeconds = 3600;
const api = 'https://api.example.com';

const signingKey = createPrivateKey(readFileSync(SIGNING_KEY_FILE)).export({ format: 'jwk' });

const provider = new Provider(`https://127.0.0.1:${PORT}`, {
  clients: [{
    client_id: CLIENT_ID,
    client_secret: readFileSync(CLIENT_SECRET_FILE, 'utf8').trim(),
    grant_types: ['client_credentials'],
    response_types: [],
    redirect_uris: [],
    token_endpoint_auth_method: 'client_secret_basic',
  }],
  jwks: { keys: [{ ...signingKey, alg: 'RS256', use: 'sig' }] },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => api,
      getResourceServerInfo: () => ({
        scope: 'profile:read',
        audience: api,
        accessTokenTTL: lifetimeSeconds,
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: 'RS256' } },
      }),
    },
  },
});

createServer({ cert: readFileSync(TLS_CERT_FILE), key: readFileSync(TLS_KEY_FILE) }, provider.callback())
  .listen(Number(PORT), '127.0.0.1');
