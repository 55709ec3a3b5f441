// A real OpenID Connect provider for the tests, which can also lie. Its settings come as JSON on
// standard input; it says "ready" once it answers, and ends with its parent's pipe.
//
// Who signs in types a login name and no password: what a provider checks is not under test.
// Below /control lie what a test asks of it: POST {"tamper": "nonce"} makes the ID tokens to come
// wrong in that way, {"accounts": {...}} changes who there is, {"sign": {...}} signs any claims.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';

import { SignJWT, base64url, decodeJwt, exportJWK, generateKeyPair, importJWK } from 'jose';
import { Provider } from 'oidc-provider';

const settings = JSON.parse(await new Promise((resolve) => {
  let text = '';
  process.stdin.on('data', (part) => {
    text += part;
    if (text.includes('\n')) resolve(text);
  });
  process.stdin.on('end', () => process.exit(0));
}));
const issuer = settings.issuer;
const client = settings.client;

async function makeKey(kid) {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  return { ...(await exportJWK(privateKey)), kid, use: 'sig', alg: 'RS256' };
}

const own = await makeKey(`key-${process.pid}`); // another key at each start: rotation
const foreign = await makeKey(own.kid); // the same name, another key
let accounts = settings.accounts;
let tamper = '';

const provider = new Provider(issuer, {
  jwks: { keys: [own] },
  clients: [{
    ...client,
    response_types: ['code'],
    grant_types: ['authorization_code'],
    backchannel_logout_session_required: true,
  }],
  claims: { openid: ['sub'], profile: ['name', 'preferred_username', 'groups'], acr: null,
    auth_time: null, iss: null, sid: null },
  conformIdTokenClaims: settings.userinfo_only ?? false, // true: groups stand in userinfo alone
  pkce: { required: () => true },
  cookies: { keys: ['of these tests'] },
  features: {
    devInteractions: { enabled: false },
    backchannelLogout: { enabled: true },
    rpInitiatedLogout: { enabled: true },
  },
  ttl: { Session: 3600, Interaction: 3600, Grant: 3600, IdToken: 3600, AccessToken: 3600 },
  // its own way of asking refuses this computer's addresses, where the tests' servers are
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
  findAccount: (ctx, id) => (id in accounts
    ? { accountId: id, claims: () => ({ sub: id, ...accounts[id] }) } : undefined),
  interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  async loadExistingGrant(ctx) {
    const known = ctx.oidc.session.grantIdFor(ctx.oidc.client.clientId);
    const before = known && await ctx.oidc.provider.Grant.find(known);
    if (before) return before;
    const grant = new ctx.oidc.provider.Grant({
      clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId,
    });
    grant.addOIDCScope('openid profile');
    await grant.save();
    return grant;
  },
});

provider.on('backchannel.error', (ctx, error) => console.error(error.message));

const sign = (claims, key = own, header = {}) => importJWK(key, 'RS256').then((loaded) => (
  new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: key.kid, ...header }).sign(loaded)));

const now = () => Math.floor(Date.now() / 1000);
const LIES = {
  nonce: (c) => sign({ ...c, nonce: 'another' }),
  'no nonce': ({ nonce, ...c }) => sign(c),
  aud: (c) => sign({ ...c, aud: 'another-client' }),
  'aud beside': (c) => sign({ ...c, aud: [c.aud, 'another-client'], azp: c.aud }),
  azp: (c) => sign({ ...c, azp: 'another-client' }),
  iss: (c) => sign({ ...c, iss: 'https://another.example' }),
  'no sub': ({ sub, ...c }) => sign(c),
  sub: (c) => sign({ ...c, sub: 'kim' }), // and userinfo speaks of another
  expired: (c) => sign({ ...c, iat: now() - 7200, exp: now() - 3600 }),
  future: (c) => sign({ ...c, iat: now() + 3600, exp: now() + 7200 }),
  old: (c) => sign({ ...c, iat: now() - 7200, exp: now() + 3600 }),
  at_hash: (c) => sign({ ...c, at_hash: 'LDktKdoQak3Pk0cnXxCltA' }),
  'auth_time': (c) => sign({ ...c, auth_time: now() - 3600 }),
  'no auth_time': ({ auth_time, ...c }) => sign(c),
  'foreign key': (c) => sign(c, foreign),
  'unknown key': (c) => sign(c, { ...foreign, kid: 'unknown' }),
  none: (c) => `${base64url.encode(JSON.stringify({ alg: 'none' }))}.${
    base64url.encode(JSON.stringify(c))}.`,
  HS256: (c) => new SignJWT(c).setProtectedHeader({ alg: 'HS256', kid: own.kid })
    .sign(new TextEncoder().encode(client.client_secret)),
  'no token': () => undefined,
  'no JWT': () => 'e30',
};

provider.use(async (ctx, next) => {
  if (ctx.path.startsWith('/interaction/')) {
    await interact(ctx);
  } else if (ctx.path === '/control' && ctx.method === 'POST') {
    await control(ctx);
  } else {
    await next();
    if (tamper && ctx.path === '/token' && ctx.body?.id_token) {
      const claims = decodeJwt(ctx.body.id_token);
      ctx.body = { ...ctx.body, id_token: await LIES[tamper](claims) };
    }
  }
});

async function read(request) {
  let text = '';
  for await (const part of request) text += part;
  return text;
}

async function interact(ctx) {
  const details = await provider.interactionDetails(ctx.req, ctx.res);
  if (ctx.method === 'POST') {
    const login = new URLSearchParams(await read(ctx.req)).get('login');
    const result = login === 'deny'
      ? { error: 'access_denied', error_description: '<b>no</b>' }
      : { login: { accountId: login, amr: ['pwd'] } };
    ctx.respond = false;
    await provider.interactionFinished(ctx.req, ctx.res, result, { mergeWithLastSubmission: false });
    return;
  }
  ctx.type = 'html';
  ctx.body = `<!doctype html><title>Provider</title><h1>${details.prompt.name}</h1>
<form method="post"><label>Login <input name="login" autofocus></label><button>Continue</button></form>`;
}

async function control(ctx) {
  const asked = JSON.parse(await read(ctx.req));
  if (asked.tamper !== undefined) {
    if (asked.tamper && !(asked.tamper in LIES)) ctx.throw(400);
    tamper = asked.tamper;
  }
  if (asked.accounts) accounts = asked.accounts;
  ctx.body = { lies: Object.keys(LIES) };
  if (asked.sign) ctx.body = { token: await sign(asked.sign, asked.foreign ? foreign : own, asked.header) };
}

createServer(
  { cert: readFileSync(settings.certificate), key: readFileSync(settings.key) },
  provider.callback(),
).listen(settings.port, '127.0.0.1', () => console.log('ready'));
