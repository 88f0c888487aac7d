// A real authorization server for the tests: oidc-provider, on a loopback port of its own, for as long as its
// standard input is open. Prints one line when it is ready: {"issuer": "...", "control": "..."}; what `control`
// answers is in witness.mjs.
//
// Environment:
//   OIDC_ACCESS_TTL, OIDC_REFRESH_TTL, OIDC_DEVICE_TTL   seconds
//   OIDC_INTERVAL         seconds; oidc-provider itself never names an interval, and then neither does this server
//   OIDC_TOKEN_DELAY_MS   how long each token reply is held back, so that races have room to happen
//   OIDC_JWT=1            access tokens are JWTs for API_RESOURCE, and userinfo takes them (see resource.mjs)
//   OIDC_RESOURCES        how many resources a login is for that names none, beside the server's own (see resource.mjs)
//   OIDC_TLS_KEY, OIDC_TLS_CERT   PEM files; the issuer is then https://localhost:PORT
//   OIDC_CLIENT_SECRET    the client is a confidential one that authenticates with it, by Basic

import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import Provider from 'oidc-provider';

import { memoryAdapter } from './adapter.mjs';
import { witness } from './witness.mjs';
import { deviceFlowPages, interactionPages } from './pages.mjs';
import { apiResource, jwtUserinfo } from './resource.mjs';

const env = process.env;
const seconds = (name, otherwise) => Number(env[name] ?? otherwise);
const jwt = env.OIDC_JWT === '1';
const tls = env.OIDC_TLS_KEY && { key: readFileSync(env.OIDC_TLS_KEY), cert: readFileSync(env.OIDC_TLS_CERT) };

// The port is part of the issuer, so the socket comes first and the provider second.
const server = tls ? https.createServer(tls) : http.createServer();
await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
const { port } = server.address();
const issuer = tls ? `https://localhost:${port}` : `http://127.0.0.1:${port}`;

let accessTtl = seconds('OIDC_ACCESS_TTL', 3600);

const { Adapter, isLive } = memoryAdapter();
const signing = generateKeyPairSync('rsa', { modulusLength: 2048 });
const provider = new Provider(issuer, {
  adapter: Adapter,
  clients: [
    {
      client_id: 'acme-cli',
      client_name: 'Acme',
      application_type: 'native',
      ...(env.OIDC_CLIENT_SECRET
        ? { token_endpoint_auth_method: 'client_secret_basic', client_secret: env.OIDC_CLIENT_SECRET }
        : { token_endpoint_auth_method: 'none' }),
      grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'],
      response_types: [],
      redirect_uris: [],
    },
  ],
  scopes: ['openid', 'offline_access', 'email', 'profile'],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
  // The ID token carries the claims too, as with most servers.
  conformIdTokenClaims: false,
  findAccount: (_ctx, id) => ({ accountId: id, claims: () => claimsOf(id) }),

  features: {
    devInteractions: { enabled: false },
    deviceFlow: { enabled: true, ...deviceFlowPages },
    revocation: { enabled: true },
    resourceIndicators: apiResource({ always: jwt, further: Number(env.OIDC_RESOURCES ?? 0) }),
    userinfo: { enabled: !jwt },
  },
  ...(jwt && { discovery: { userinfo_endpoint: `${issuer}/me` } }),

  // One login, one Grant. By default two logins of one person share a Grant, and to revoke one ends the other.
  loadExistingGrant: (ctx) => {
    const grantId = ctx.oidc.result?.consent?.grantId;
    return grantId ? ctx.oidc.provider.Grant.find(grantId) : undefined;
  },
  interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
  rotateRefreshToken: true,
  ttl: {
    AccessToken: () => accessTtl,
    RefreshToken: seconds('OIDC_REFRESH_TTL', 86400),
    DeviceCode: seconds('OIDC_DEVICE_TTL', 300),
    Grant: 86400,
    IdToken: 3600,
    Interaction: 600,
    Session: 86400,
  },
  cookies: { keys: [randomBytes(24).toString('hex')] },
  jwks: { keys: [{ ...signing.privateKey.export({ format: 'jwk' }), use: 'sig' }] },
});

if (env.OIDC_INTERVAL) {
  provider.on('device_authorization.success', (_ctx, body) => {
    body.interval = seconds('OIDC_INTERVAL');
  });
}

const { watch, answer } = witness(provider, {
  isLive,
  setAccessTtl: (seconds) => (accessTtl = seconds),
});
provider.use(watch);
provider.use(heldBack(seconds('OIDC_TOKEN_DELAY_MS', 0)));
provider.use(interactionPages(provider));
if (jwt) provider.use(jwtUserinfo(issuer, signing.publicKey, claimsOf));

server.on('request', provider.callback());
const control = http.createServer(answer);
await new Promise((ready) => control.listen(0, '127.0.0.1', ready));
process.stdin.resume().on('end', () => process.exit(0));
console.log(JSON.stringify({ issuer, control: `http://127.0.0.1:${control.address().port}` }));

function claimsOf(id) {
  const name = id.charAt(0).toUpperCase() + id.slice(1);
  return { sub: id, email: `${id}@example.com`, email_verified: true, name: `${name} Example` };
}

function heldBack(ms) {
  return async (ctx, next) => {
    await next();
    if (ms && ctx.path === '/token') await new Promise((later) => setTimeout(later, ms));
  };
}
