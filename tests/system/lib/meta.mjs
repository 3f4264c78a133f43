// Meta's side of its webhooks: what it posts, signed over the raw bytes as meta-graph.md §6.1 says.
// Made with Node's own crypto; it shares nothing with the C code.
import { createHmac } from 'node:crypto';
import { admin } from './wire.mjs';

export const APP = { app_id: '670843887433847', secret: 'meta-app-secret', verify_token: 'hoopoe' };

// Makes the app known to a server that runs.
export async function addApp(data, app = APP) {
  const { json, text } = await admin(data, 'POST', '/apps', app);
  if (json.status !== true) throw new Error(`POST /apps: ${text}`);
  return json.data;
}

export const hubSignature = (raw, secret) =>
  `sha256=${createHmac('sha256', secret).update(raw).digest('hex')}`;

// JSON as Meta writes it: what is not ASCII is escaped, in lower case.
export const metaJson = (value) => JSON.stringify(value).replace(/[\u007f-\uffff]/g, (c) =>
  `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);

// -> {status, json, text}. `body` is an object or raw text.
export async function metaPost(url, body, { secret = APP.secret, path = '', signature } = {}) {
  const raw = typeof body === 'string' || body instanceof Uint8Array ? body : metaJson(body);
  const answer = await fetch(`${url}/webhooks/meta${path}`, {
    method: 'POST',
    body: raw,
    headers: {
      'Content-Type': 'application/json',
      'User-Agent': 'facebookexternalua',
      ...(signature === null ? {} : { 'X-Hub-Signature-256': signature ?? hubSignature(raw, secret) }),
    },
  });
  const text = await answer.text();
  let json = null;
  try { json = JSON.parse(text); } catch { /* no JSON: the test sees text */ }
  return { status: answer.status, text, json };
}

// One change in Meta's envelope. `time` is in seconds.
export const change = (waba, field, value, time = Math.floor(Date.now() / 1000)) => ({
  object: 'whatsapp_business_account',
  entry: [{ id: waba, time, changes: [{ field, value }] }],
});
