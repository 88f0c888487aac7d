// A person with a browser, scripted: logs in, opens what the tool named, checks the code, says yes or no. Better Auth
// brings no pages, so this is what a page of its embedder would call, cookies and all.
//
//   node person.mjs VERIFICATION_URI_COMPLETE ACCOUNT [approve|deny]
//
// Prints what the login's state was before, as JSON.

const [start, account, wish = 'approve'] = process.argv.slice(2);
const device = new URL(start);
const code = device.searchParams.get('user_code');
const headers = { origin: device.origin, 'content-type': 'application/json' };

await visit('/api/auth/sign-in/email', { email: `${account}@example.com`, password: `${account}-password` });
const before = await visit(start);
if (before.user_code !== code) throw new Error(`not ${code}: ${JSON.stringify(before)}`);
// Nothing can be asked afterwards: a poll that comes first takes the code with it.
await visit(`/api/auth/device/${wish}`, { userCode: code });
console.log(JSON.stringify({ pages: [before.status] }));

async function visit(url, body) {
  const method = body ? 'POST' : 'GET';
  const reply = await fetch(new URL(url, start), { method, headers, body: body && JSON.stringify(body) });
  const text = await reply.text();
  if (!reply.ok) throw new Error(`${url}: ${reply.status} ${text}`);
  const cookies = reply.headers.getSetCookie();
  if (cookies.length) headers.cookie = cookies.map((line) => line.split(';')[0]).join('; ');
  return JSON.parse(text);
}
