// An API behind this server, named API_RESOURCE, whose access tokens are JWTs (RFC 9068).
//
// oidc-provider has two kinds of access token and no third: opaque ones without an audience, for its userinfo
// endpoint, and those for a resource (JWTs here), which its userinfo endpoint refuses. So a client that names the
// resource (RFC 8707) gets a JWT, any other an opaque token; and under OIDC_JWT=1, where every token is a JWT, the
// stock userinfo endpoint is switched off and the one below takes its place in the metadata.

import { errors } from 'oidc-provider';
import { jwtVerify } from 'jose';

export const API_RESOURCE = 'urn:acme:api';

// `further`: how many resources (API_RESOURCE:1 …) a login is for that names none; each gives a token of its own.
export function apiResource({ always, further }) {
  const names = Array.from({ length: further }, (_, index) => `${API_RESOURCE}:${index + 1}`);
  const unnamed = always ? API_RESOURCE : names.length ? names : undefined;
  return {
    enabled: true,
    defaultResource: (_ctx, _client, oneOf) => oneOf ?? unnamed,
    useGrantedResource: () => always,
    getResourceServerInfo: (ctx, resource) => {
      if (resource !== API_RESOURCE && !names.includes(resource)) throw new errors.InvalidTarget();
      return { scope: 'openid email profile', audience: resource, accessTokenFormat: 'jwt' };
    },
  };
}

// Userinfo for JWTs: verified as a resource server does it, by issuer, audience, expiry, type and signature.
export function jwtUserinfo(issuer, key, claimsOf) {
  return async (ctx, next) => {
    if (ctx.path !== '/me') return next();
    try {
      const token = /^Bearer (.+)$/i.exec(ctx.get('authorization'))?.[1];
      const { payload } = await jwtVerify(token, key, {
        issuer,
        audience: API_RESOURCE,
        typ: 'at+jwt',
      });
      ctx.body = claimsOf(payload.sub);
    } catch {
      ctx.status = 401;
      ctx.set('www-authenticate', 'Bearer error="invalid_token"');
      ctx.body = { error: 'invalid_token' };
    }
    return undefined;
  };
}
