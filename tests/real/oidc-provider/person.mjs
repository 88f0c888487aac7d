// A person with a browser, scripted: opens the page that the tool named, checks the code, logs in, says yes or no.
//
//   node person.mjs VERIFICATION_URI_COMPLETE ACCOUNT [approve|deny|abort]
//
// Prints the titles of the pages that were met, as JSON. `abort` says no to the code, `deny` at the consent.

const [start, account, wish = 'approve'] = process.argv.slice(2);
const code = new URL(start).searchParams.get('user_code');
const cookies = new Map();
const titles = [];

let page = await visit(start);
for (let steps = 0; steps < 12; steps += 1) {
  titles.push(page.title);
  const next = reply(page);
  if (!next) break;
  page = await visit(next.action, next.fields);
}
console.log(JSON.stringify({ pages: titles, status: page.status }));

// What this person does on a page: the form to send, or nothing when the conversation is over.
function reply({ title, html, url }) {
  switch (title) {
    case 'Submitting Callback': // sent on by a script in a browser
      return form(html, url);
    case 'Confirm code':
      if (!html.includes(`<code>${code}</code>`)) throw new Error(`the page does not show ${code}`);
      return form(html, url, wish === 'abort' ? { abort: 'yes' } : {});
    case 'Log in':
      return form(html, url, { account });
    case 'Consent':
      return form(html, url, {}, wish === 'deny' ? 'deny' : 'go');
    default:
      return undefined;
  }
}

function form(html, url, extra = {}, id = '') {
  const forms = [...html.matchAll(/<form([^>]*)>([\s\S]*?)<\/form>/g)];
  const [, head, inner] = forms.find(([, attributes]) => !id || attributes.includes(`id="${id}"`));
  const fields = new URLSearchParams();
  for (const [, name, value] of inner.matchAll(/<input[^>]*name="([^"]*)"[^>]*value="([^"]*)"/g)) {
    fields.set(name, value);
  }
  for (const [name, value] of Object.entries(extra)) fields.set(name, value);
  return { action: new URL(/action="([^"]*)"/.exec(head)[1], url).href, fields };
}

// One page as a browser fetches it: cookies kept, redirects followed (a POST that is redirected becomes a GET).
async function visit(url, fields) {
  const reply = await fetch(url, {
    method: fields ? 'POST' : 'GET',
    body: fields,
    redirect: 'manual',
    headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; '), accept: 'text/html' },
  });
  for (const line of reply.headers.getSetCookie()) {
    const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
    if (value) cookies.set(name, value);
    else cookies.delete(name);
  }
  const location = reply.headers.get('location');
  if (location) return visit(new URL(location, url).href);
  const html = await reply.text();
  return { url, html, status: reply.status, title: /<title>([^<]*)<\/title>/.exec(html)?.[1] ?? html.slice(0, 200) };
}
