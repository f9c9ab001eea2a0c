// Token introspection (RFC 7662) for nginx's auth_request. njs 0.7, as Debian 12 has it.
//
// Answers 204 with the claims as headers, 401, 403, or 503 where grantd does not answer. What grantd
// says is cached by nginx (see `proxy_cache` in introspection.conf), not here: njs keeps no state
// between requests.

import crypto from 'crypto';

const TOKEN = /^bearer ([A-Za-z0-9._~+\/=-]{1,7168})$/i;  // RFC 6750 §2.1, and grantd's greatest
const PLAIN = /^[\x20-\x7e]*$/;                           // what may stand in a header line

function bearer(r) {
    const found = TOKEN.exec(r.headersIn.Authorization || '');
    return found ? encodeURIComponent(found[1]) : '';
}

// The cache's key: no token lies on the disk. The second stands in it because `proxy_cache_valid 1s`
// counts in whole seconds and may last for almost two.
function cacheKey(r) {
    const digest = crypto.createHash('sha256').update(bearer(r)).digest('hex');
    return `${digest}-${Math.floor(Date.now() / 1000)}`;
}

function hasScope(scope, wanted) {
    return scope.split(' ').includes(wanted);
}

async function authorize(r) {
    if (bearer(r) === '') {
        r.return(401);
        return;
    }
    const reply = await r.subrequest('/_introspect');
    let claims;
    try {
        claims = reply.status === 200 ? JSON.parse(reply.responseText) : null;
    } catch (error) {
        claims = null;
    }
    if (claims === null) {
        r.return(503);
        return;
    }
    // `active` covers signature, revocation and audience: grantd says so only of tokens that this
    // gateway serves. The end is looked at again, because the answer may be a second old.
    if (claims.active !== true || !(claims.exp > Date.now() / 1000)) {
        r.return(401);
        return;
    }
    const identity = [claims.sub, claims.client_id, claims.scope || ''];
    if (!identity.every((value) => typeof value === 'string' && PLAIN.test(value))) {
        r.return(401);
        return;
    }
    if (!hasScope(identity[2], r.variables.required_scope)) {
        r.return(403);
        return;
    }
    r.headersOut['X-Auth-Subject'] = identity[0];
    r.headersOut['X-Auth-Client'] = identity[1];
    r.headersOut['X-Auth-Scope'] = identity[2];
    r.return(204);
}

export default { authorize, bearer, cacheKey };
