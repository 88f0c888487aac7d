// The pages a person meets: enter the code, confirm it, log in, consent, done. Plain HTML that needs nothing from
// outside; the stock pages load fonts from another host.

const page = (title, body) => `<!DOCTYPE html><html><head><title>${title}</title></head><body>${body}</body></html>`;
const escape = (text) => String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

export const deviceFlowPages = {
  userCodeInputSource(ctx, form, _out, err) {
    ctx.body = page('Enter code', `<p>${escape(err ? err.name : '')}</p>${form}`);
  },
  userCodeConfirmSource(ctx, form, client, _deviceInfo, userCode) {
    const buttons = '<button name="abort" value="yes" form="op.deviceConfirmForm">Abort</button>';
    ctx.body = page('Confirm code', `<p>${escape(client.clientName)}</p><code>${userCode}</code>${form}${buttons}`);
  },
  successSource(ctx) {
    ctx.body = page('Connected', '<p>You can close this page.</p>');
  },
};

export function interactionPages(provider) {
  return async (ctx, next) => {
    const [, area, uid, step] = ctx.path.split('/');
    if (area !== 'interaction') return next();

    const interaction = await provider.interactionDetails(ctx.req, ctx.res);
    if (ctx.method === 'GET') {
      ctx.body = asks(interaction.prompt.name, uid);
      return undefined;
    }
    const form = new URLSearchParams(await body(ctx.req));
    const result = await answers(provider, interaction, step, form);
    ctx.redirect(await provider.interactionResult(ctx.req, ctx.res, result, { mergeWithLastSubmission: true }));
    ctx.status = 303;
    return undefined;
  };
}

function asks(prompt, uid) {
  const deny = `<form id="deny" method="post" action="/interaction/${uid}/deny"></form>`;
  const field = prompt === 'login' ? '<input type="text" name="account" value=""/>' : '';
  const title = prompt === 'login' ? 'Log in' : 'Consent';
  return page(title, `<form id="go" method="post" action="/interaction/${uid}/${prompt}">${field}</form>${deny}`);
}

async function answers(provider, interaction, step, form) {
  if (step === 'deny') return { error: 'access_denied', error_description: 'the person said no' };
  if (step === 'login') return { login: { accountId: form.get('account') } };

  const { accountId } = interaction.session;
  const { missingOIDCScope, missingOIDCClaims, missingResourceScopes } = interaction.prompt.details;
  const grant = new provider.Grant({ accountId, clientId: interaction.params.client_id });
  if (missingOIDCScope) grant.addOIDCScope(missingOIDCScope.join(' '));
  if (missingOIDCClaims) grant.addOIDCClaims(missingOIDCClaims);
  for (const [resource, scopes] of Object.entries(missingResourceScopes ?? {})) {
    grant.addResourceScope(resource, scopes.join(' '));
  }
  return { consent: { grantId: await grant.save() } };
}

async function body(stream) {
  let text = '';
  for await (const chunk of stream) text += chunk;
  return text;
}
