// What the server saw, for the tests to ask, on a port of its own and always over plain http:
//   GET  /_seen     {"total", "endpoints": {route: n}, "grants": {grant_type: {outcome: n}}}
//   GET  /_tokens   {"refresh": [{"value", "live"}], "access": [{"value", "live"}], "device": [{…}]}, oldest first
//   POST /_reset    forgets the counts, not the tokens
//   POST /_access_ttl?SECONDS   how long the access tokens live that are issued from now on

const SHORT = { 'urn:ietf:params:oauth:grant-type:device_code': 'device_code' };

export function witness(provider, { isLive, setAccessTtl }) {
  const nothing = () => ({ total: 0, endpoints: {}, grants: {} });
  let seen = nothing();

  const issued = { RefreshToken: [], AccessToken: [], DeviceCode: [] };
  provider.on('grant.success', ({ body }) => {
    if (body.refresh_token) issued.RefreshToken.push(body.refresh_token);
    issued.AccessToken.push(body.access_token);
  });
  provider.on('device_authorization.success', (_ctx, body) => issued.DeviceCode.push(body.device_code));
  const state = (model) => issued[model].map((value) => ({ value, live: isLive(model, value) }));

  const watch = async (ctx, next) => {
    seen.total += 1;
    await next();
    const route = ctx.oidc?.route ?? ctx.path.split('/')[1];
    seen.endpoints[route] = (seen.endpoints[route] ?? 0) + 1;
    if (route === 'token') {
      const type = ctx.oidc?.params?.grant_type ?? 'none';
      const outcomes = (seen.grants[SHORT[type] ?? type] ??= {});
      const outcome = ctx.status === 200 ? 'ok' : (ctx.body?.error ?? String(ctx.status));
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    }
  };

  const answers = {
    'GET /_seen': () => seen,
    'GET /_tokens': () => ({ refresh: state('RefreshToken'), access: state('AccessToken'), device: state('DeviceCode') }),
    'POST /_reset': () => (seen = nothing()),
    'POST /_access_ttl': (seconds) => ({ seconds: setAccessTtl(Number(seconds)) }),
  };
  const answer = (request, response) => {
    const [path, argument] = request.url.split('?');
    const body = answers[`${request.method} ${path}`];
    response.writeHead(body ? 200 : 404, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body ? body(argument) : {}));
  };

  return { watch, answer };
}
