// A third authorization server for the tests, which shares no code with the other two: Better Auth with its plug-in
// @better-auth/oauth-provider, on SQLite, on a loopback port of its own, for as long as its standard input is open.
// Ours is only the glue: accounts, one client, and a witness. Prints one line when it is ready:
// {"issuer": "...", "control": "..."}; what `control` answers is in ../oidc-provider/witness.mjs. The last part of its
// path names an endpoint.
//
// The database is libsql, a SQLite that npm brings compiled; the usual better-sqlite3 wants a compiler or a download.
//
// Environment:
//   OIDC_ACCESS_TTL       seconds
//   OIDC_INTERVAL         seconds between two polls
//   OIDC_TOKEN_DELAY_MS   how long each token reply is held back, so that races have room to happen

import { createHash, randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import http from 'node:http';
import { oauthDeviceAuthorization, oauthProvider } from '@better-auth/oauth-provider';
import { betterAuth } from 'better-auth';
import { getMigrations } from 'better-auth/db/migration';
import { toNodeHandler } from 'better-auth/node';
import { jwt } from 'better-auth/plugins';
import { SqliteDialect } from 'kysely';
import Database from 'libsql';

import { witness } from '../oidc-provider/witness.mjs';

const env = process.env;
const delay = Number(env.OIDC_TOKEN_DELAY_MS ?? 0);

// The port is part of the issuer, so the socket comes first and Better Auth second.
const server = http.createServer();
await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
const site = `http://127.0.0.1:${server.address().port}`;
const issuer = `${site}/api/auth`;

const database = new Database(':memory:');
const provider = oauthProvider({
  loginPage: '/login',
  consentPage: '/consent',
  accessTokenExpiresIn: Number(env.OIDC_ACCESS_TTL ?? 3600),
  generateClientId: () => 'acme-cli',
});
const auth = betterAuth({
  baseURL: site,
  secret: randomBytes(32).toString('hex'),
  database: new SqliteDialect({ database }),
  emailAndPassword: { enabled: true },
  // By itself on in production only: 20 token requests a minute from one address.
  rateLimit: { enabled: false },
  logger: { level: 'error' },
  plugins: [
    jwt(),
    provider,
    // Pages are left to whoever embeds Better Auth. There are none here: the person speaks with what a page would call.
    oauthDeviceAuthorization({ verificationUri: '/api/auth/device', interval: `${env.OIDC_INTERVAL ?? 5}s` }),
  ],
});

const events = new EventEmitter();
const { watch, answer } = witness(events, {
  isLive,
  setAccessTtl: (seconds) => (provider.options.accessTokenExpiresIn = seconds),
});

await prepare();
server.on('request', toNodeHandler(watched));
const control = http.createServer(answer);
await new Promise((ready) => control.listen(0, '127.0.0.1', ready));
process.stdin.resume().on('end', () => process.exit(0));
console.log(JSON.stringify({ issuer, control: `http://127.0.0.1:${control.address().port}` }));

async function prepare() {
  await (await getMigrations(auth.options)).runMigrations();
  const accounts = ['ada', 'bob'].map((name) => ({
    name: `${name.charAt(0).toUpperCase()}${name.slice(1)} Example`,
    email: `${name}@example.com`,
    password: `${name}-password`,
  }));
  const [ada] = await Promise.all(accounts.map((body) => auth.api.signUpEmail({ body, returnHeaders: true })));
  const cookie = ada.headers.getSetCookie().map((line) => line.split(';')[0]).join('; ');
  await auth.api.createOAuthClient({
    headers: { cookie },
    body: {
      client_name: 'Acme',
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'],
      scope: 'openid profile email offline_access',
    },
  });
}

// Would the server still take this token? Those of a family that it has ended are gone.
function isLive(model, token) {
  const row = (query, key) => database.prepare(query).get(key);
  if (model === 'DeviceCode') return Boolean(row('SELECT 1 FROM deviceCode WHERE deviceCode = ?', token));
  const hash = createHash('sha256').update(token).digest('base64url');
  const found = row(`SELECT revoked, expiresAt FROM oauth${model} WHERE token = ?`, hash);
  return Boolean(found) && !found.revoked && new Date(found.expiresAt) > new Date();
}

// Counted when it is answered, and only then held back.
async function watched(request) {
  const route = new URL(request.url).pathname.split('/').pop();
  const params = Object.fromEntries(new URLSearchParams(await request.clone().text()));
  const ctx = { oidc: { route, params } };
  let reply;
  await watch(ctx, async () => {
    reply = await auth.handler(request);
    ctx.status = reply.status;
    ctx.body = await reply.clone().json().catch(() => undefined);
    if (route === 'token' && reply.ok) events.emit('grant.success', ctx);
    if (route === 'code' && reply.ok) events.emit('device_authorization.success', ctx, ctx.body);
  });
  if (route === 'token') await new Promise((later) => setTimeout(later, delay));
  return reply;
}
