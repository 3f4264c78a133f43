// The description of the API: valid, complete, and true. Each documented operation is sent to a real
// server, each documented refusal is provoked, and every answer is held against the document.
import { validate as parserValidate } from '@readme/openapi-parser';
import { Validator } from '@seriousme/openapi-schema-validator';
import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import path from 'node:path';
import { test } from 'node:test';
import { binary, createClient, runOk, runProgram } from './lib/hudhud.mjs';
import { METHODS, readDocument, signedRequest } from './lib/openapi.mjs';
import { startWorld } from './lib/world.mjs';

const printed = JSON.parse((await runOk(['openapi'])).stdout);

test('two validators that know nothing of each other take the document', async () => {
  const one = await new Validator().validate(structuredClone(printed));
  assert.deepEqual(one.errors ?? [], []);
  assert.equal(one.valid, true);
  const other = await parserValidate(structuredClone(printed));
  assert.equal(other.valid, true, JSON.stringify(other.errors));
  assert.deepEqual(other.warnings, []);
});

test('they would notice: neither takes a document that is broken', async () => {
  const broken = [
    (d) => { delete d.info.title; },
    (d) => { d.paths['/waba-numbers'].get.responses = {}; },
    (d) => { d.paths['/waba-numbers/{id}'].get.parameters[0].in = 'nowhere'; },
  ];
  for (const breakIt of broken) {
    const document = structuredClone(printed);
    breakIt(document);
    const one = await new Validator().validate(structuredClone(document));
    const other = await parserValidate(structuredClone(document));
    assert.ok(!one.valid && !other.valid, breakIt.toString());
  }
});

test('every example is what its own schema asks for', () => {
  assert.ok(readDocument(structuredClone(printed)).checkExamples() > 50);
});

test('the document says how to sign, what is limited, and which errors there are', () => {
  assert.equal(printed.openapi, '3.1.0');
  assert.equal(printed.info.license.identifier, 'MIT');
  assert.match(printed.info.version, /^\d+\.\d+\.\d+$/);
  assert.deepEqual(printed.servers.map((s) => s.url), ['/api/developer', '/api/v1/developer']);
  // One requirement with all four: they are sent together.
  assert.equal(printed.security.length, 1);
  const names = Object.keys(printed.security[0]).map((key) =>
    printed.components.securitySchemes[key].name);
  assert.deepEqual(names.sort(),
    ['X-Awal-Signature-256', 'X-Client-ID', 'X-Domain', 'X-Timestamp']);
  for (const vector of ['f90b85acf2d2a0d679eb8a4d15824a3517e3b15f1354d22c41f35369813151d9',
    '3d3a28eb340079ad838c68984ed0977f001b0f54e5cd6aee42bdbc9561e7170d'])
    assert.ok(printed.info.description.includes(vector));
  for (const { method, ...operation } of readDocument(structuredClone(printed)).operations.values()) {
    const statuses = Object.keys(operation.responses);
    for (const status of ['400', '401', '403', '429', '500', '503'])
      assert.ok(statuses.includes(status), `${operation.operationId} ${status}`);
    assert.ok(operation['x-rate-limit'].requests > 0);
    assert.ok(operation['x-rate-limit'].window_seconds > 0);
    const parameters = operation.parameters.map((p) => p.$ref?.split('/').at(-1) ?? p.name);
    assert.ok(parameters.includes(method === 'get' ? 'IfNoneMatch' : 'IdempotencyKey'));
  }
});

// --- conformance -------------------------------------------------------------------------------

// A good request of each operation, to a workspace whose numbers are linked.
const good = {
  listNumbers: () => ['GET', '/waba-numbers'],
  linkNumbers: (world) => ['POST', '/waba-numbers', JSON.stringify(
    { waba_id: world.sim.wabaId, access_token: world.sim.token, replace: true })],
  getNumber: () => ['GET', '/waba-numbers/1'],
  unlinkNumber: () => ['DELETE', '/waba-numbers/5'],
  listNumberHistory: () => ['GET', '/waba-numbers/1/history'],
  syncNumber: () => ['POST', '/waba-numbers/1/sync'],
  requestCode: () => ['POST', '/waba-numbers/1/request-code', '{"method":"VOICE","language":"ar"}'],
  verifyCode: () => ['POST', '/waba-numbers/1/verify-code', '{"code":"771503"}'],
  registerNumber: () => ['POST', '/waba-numbers/1/register',
    '{"pin":"150954","data_localization_region":"AE"}'],
  deregisterNumber: () => ['POST', '/waba-numbers/1/deregister'],
  setPin: () => ['POST', '/waba-numbers/1/pin', '{"pin":"150954"}'],
  getProfile: () => ['GET', '/waba-numbers/1/profile'],
  updateProfile: () => ['PATCH', '/waba-numbers/1/profile', JSON.stringify({ about: 'متجر الهدهد',
    email: '', vertical: 'RETAIL', websites: ['https://hudhud.example/'] })],
};

// What a step of registration needs the number to be at Meta, before each time it is taken.
const fresh = { registrations: 0, pin: null };
const before = {
  requestCode: { code_verification_status: 'NOT_VERIFIED' },
  verifyCode: { code_verification_status: 'NOT_VERIFIED', verification_code: '771503' },
  registerNumber: { code_verification_status: 'VERIFIED', ...fresh },
  deregisterNumber: { code_verification_status: 'VERIFIED', status: 'CONNECTED', ...fresh },
};

// Asked of Meta once at most: a connection that is cut leaves it open whether it was done.
const askedOnce = (id) => before[id] || ['setPin', 'updateProfile'].includes(id);

const SIGNATURE_OF_ANOTHER = `sha256=${'0'.repeat(64)}`;

// What any operation can be made to refuse, by the key it is documented under. `send(changes)` sends
// the operation's good request with `path`, `body`, `headers` or `creds` changed.
const provoked = {
  '400 bad_request': ({ send, method }) => (method === 'post' || method === 'patch'
    ? send({ headers: { 'Transfer-Encoding': 'chunked', 'Content-Length': '2' }, body: '{}' })
    : send({ body: '{}' })),
  '400 unsupported_version': ({ send }) => send({ headers: { 'X-API-Version': 'v2' } }),
  '400 missing_headers': ({ send }) => send({ headers: { 'X-Timestamp': null } }),
  '400 invalid_headers': ({ send }) => send({ headers: { 'X-Timestamp': 'now' } }),
  '400 invalid_json': ({ send }) => send({ body: '{"waba_id":' }),
  '400 validation_failed': ({ send, method, path }) => (method === 'post' || method === 'patch'
    ? send({ body: '{"colour":"green"}' })
    : send({ path: path.endsWith('/history') ? `${path}?limit=0` : `${path}?include=colour` })),
  '401 authentication_failed': ({ send }) =>
    send({ headers: { 'X-Awal-Signature-256': SIGNATURE_OF_ANOTHER } }),
  '403 timestamp_expired': ({ send, world }) => send({ creds: { ...world.creds, timestamp: 1704124800 } }),
  '403 permission_denied': ({ send, world }) => send({ creds: world.nothing }),
  '404 resource_not_found': ({ send, path, world }) =>
    (path.includes('/1') || path.includes('/5')
      ? send({ path: path.replace(/\/[15]/, '/999') }) : send({ creds: world.empty })),
  '413 payload_too_large': ({ send }) => send({ body: `{"colour":"${'g'.repeat(70000)}"}` }),
  '415 unsupported_media_type': ({ send }) =>
    send({ body: 'colour=green', headers: { 'Content-Type': 'application/x-www-form-urlencoded' } }),
  '422 idempotency_key_reused': async ({ send, path }) => {
    const headers = { 'Idempotency-Key': randomUUID() };
    await send({ path: `${path}?colour=green`.replace('/5', '/999'), headers });
    return send({ headers });
  },
  '409 conflict': ({ send, world }) => send({ body: JSON.stringify(
    { waba_id: world.sim.wabaId, access_token: world.sim.token }) }),
  '429 rate_limit_exceeded': async ({ send, world }) => {
    await send({ creds: world.tired });
    return send({ creds: world.tired });
  },
  '422 message_rejected': ({ send, fault }) => fault('token_expired', send),
  '502 upstream_error': ({ send, fault }) => fault('html', send),
};
const provokedWhenLive = {
  '409 request_in_progress': async ({ send, world }) => {
    await world.sim.putFaults([{ kind: 'latency', ms: 1000 }]);
    const headers = { 'Idempotency-Key': randomUUID() };
    const both = await Promise.all([send({ headers }), send({ headers })]);
    await world.sim.clearFaults();
    return both.find((answer) => answer.status === 409) ?? both[0]; // whichever came second
  },
  '503 service_unavailable': ({ send, fault, id }) => fault(askedOnce(id) ? 'throttle' : 'cut', send),
};

// What no test can bring about at will, and who holds it instead.
const unprovoked = {
  '409 request_in_progress': 'the store is done with a write before another can ask',
  '500 internal_error': 'a fault of ours; its form is that of every error',
  '503 service_unavailable': 'the store has to fail under the request, or the server to be draining',
};

async function startConformance(t) {
  const world = await startWorld(t, { limits: true });
  world.first = (await world.call('GET', '/waba-numbers/1')).json.data.phone_number_id;
  world.empty = await createClient(world.data, 'empty');
  world.tired = await createClient(world.data, 'tired');
  const limits = {};
  for (const [path, item] of Object.entries(printed.paths))
    for (const method of METHODS.filter((one) => item[one]))
      limits[`${method.toUpperCase()} ${path}`] = '1/day';
  await world.cli(['plan', 'set', '--domain', 'tired', '-'], { input: JSON.stringify({ limits }) });
  const client = JSON.parse((await world.cli(['client', 'create', '--domain', world.creds.domain,
    '--name', 'nothing', '--resources', '', '--json'])).stdout);
  world.nothing = { ...world.creds, clientId: client.client_id, secret: client.hmac_secret };
  const answer = await signedRequest(world.url, 'GET', '/openapi.json', world.creds);
  assert.equal(answer.status, 404, 'the document lies beside the API, not in it');
  const document = await (await fetch(`${world.url}/openapi.json`)).json();
  assert.deepEqual(document, printed, 'what hudhud openapi prints is what a server answers');
  return { world, document: readDocument(document) };
}

test('each documented operation answers as documented, and so does each refusal', async (t) => {
  const { world, document } = await startConformance(t);
  assert.deepEqual([...document.operations.keys()].sort(), Object.keys(good).sort());
  const fault = async (kind, send) => {
    await world.sim.putFaults([{ kind }]);
    const answer = await send();
    await world.sim.clearFaults();
    return answer;
  };
  for (const [id, operation] of document.operations) {
    const [method, path, body] = good[id](world);
    assert.equal(method.toLowerCase(), operation.method);
    // Each write has a key of its own: two that are alike within a second would be one.
    const send = async (changes = {}) => {
      if (before[id]) await world.sim.patchNumber(world.first, before[id]);
      return signedRequest(world.url, method, changes.path ?? path,
        changes.creds ?? world.creds, { body: changes.body ?? body,
          headers: { ...(method === 'GET' ? {} : { 'Idempotency-Key': randomUUID() }), ...changes.headers } });
    };
    const context = { send, fault, world, path, id, method: operation.method };
    const live = operation.responses['502'] !== undefined;
    const seen = new Set();
    const look = (answer) => { seen.add(document.checkAnswer(id, answer)); return answer; };

    const keys = document.documentedKeys(id);
    for (const key of keys) {
      const provoke = provoked[key] ?? (live ? provokedWhenLive[key] : undefined);
      if (provoke) {
        const answer = look(await provoke(context));
        assert.ok(seen.has(key), `${id}: ${key} was meant, and it was ${answer.status} ${answer.text}`);
      }
    }
    if (body) assert.equal(document.validateBody(id, JSON.parse(body)), null);
    const done = look(await send());
    assert.ok(done.status < 300, `${id}: ${done.status} ${done.text}`);
    assert.equal(Number(done.headers.get('x-ratelimit-limit')), operation['x-rate-limit'].requests);
    if (method === 'GET')
      look(await send({ headers: { 'If-None-Match': done.headers.get('etag') } }));
    for (const key of keys)
      assert.ok(seen.has(key) || unprovoked[key], `${id}: ${key} is documented and was never seen`);
  }
});

test('answers with more in them keep to the document too', async (t) => {
  const { world, document } = await startConformance(t);
  const ask = async (id, method, path, body) =>
    document.checkAnswer(id, await signedRequest(world.url, method, path, world.creds, { body,
      headers: method === 'GET' ? {} : { 'Idempotency-Key': randomUUID() } }));
  const { phone_number_id: meta } = (await world.call('GET', '/waba-numbers/1')).json.data;
  await world.sim.patchNumber(meta, { quality_rating: 'RED', status: 'BANNED',
    verified_name: 'هدهد سليمان', name_status: 'DECLINED' });
  assert.equal(await ask('syncNumber', 'POST', '/waba-numbers/1/sync', '{}'), '200');
  assert.equal(await ask('getNumber', 'GET', `/waba-numbers/${meta}`), '200');
  assert.equal(await ask('listNumberHistory', 'GET', '/waba-numbers/1/history?page=1&limit=2'), '200');
  assert.equal(await ask('listNumbers', 'GET', '/waba-numbers?include=health'), '200');
  const profile = '/waba-numbers/1/profile';
  const whole = { about: 'a', address: 'b', description: 'c', email: 'd@e', vertical: 'EDU',
    websites: ['https://a.example', 'https://b.example'] };
  await world.sim.patchNumber(meta, { profile: { ...whole, vertical: 'NEW_AT_META' } });
  assert.equal(await ask('getProfile', 'GET', profile), '200');
  assert.equal(await ask('updateProfile', 'PATCH', profile, JSON.stringify(whole)), '200');
  await world.sim.putFaults([{ kind: 'cut', match: { method: 'GET' } }]);
  assert.equal(await ask('updateProfile', 'PATCH', profile, JSON.stringify(whole)), '200');
  await world.sim.clearFaults();
  // A number that Meta lists no more has reasons of ours, without a code.
  await world.sim.deleteNumber(meta);
  assert.equal(await ask('syncNumber', 'POST', '/waba-numbers/1/sync'), '200');
  assert.equal(await ask('getNumber', 'GET', '/waba-numbers/1'), '200');
  const { json } = await world.call('GET', '/waba-numbers/1');
  assert.ok(json.data.health.reasons.length > 0);
  await world.sim.patchToken(world.sim.token, { expired: true });
  assert.equal(await ask('syncNumber', 'POST', '/waba-numbers/1/sync'), '422 message_rejected');
  assert.equal(await ask('getNumber', 'GET', '/waba-numbers/1'), '200');
});

test('the check would notice: an undocumented field, header, status and code', async (t) => {
  const { world, document } = await startConformance(t);
  const answer = await signedRequest(world.url, 'GET', '/waba-numbers/1', world.creds);
  const with_ = (change) => {
    const copy = { ...answer, json: structuredClone(answer.json), headers: new Headers(answer.headers) };
    change(copy);
    return copy;
  };
  document.checkAnswer('getNumber', with_(() => {}));
  for (const change of [
    (a) => { a.json.data.colour = 'green'; },
    (a) => { a.json.data.health.colour = 'green'; },
    (a) => { a.json.more = 1; },
    (a) => { delete a.json.data.verified_name; },
    (a) => { a.json.data.id = '1'; },
    (a) => { a.json.data.status = 'SLEEPING'; },
    (a) => { a.json.data.created_at = 'yesterday'; },
    (a) => { a.headers.set('x-colour', 'green'); },
    (a) => { a.headers.delete('x-request-id'); },
    (a) => { a.status = 206; },
    (a) => { a.status = 404; a.json = { error: 'conflict', message: 'x', request_id: a.headers.get('x-request-id') }; },
  ]) assert.throws(() => document.checkAnswer('getNumber', with_(change)), { name: 'AssertionError' }, change.toString());
});

// --- the pages ---------------------------------------------------------------------------------

test('/docs: the same operations, in a page that needs nothing but itself', async (t) => {
  const world = await startWorld(t, { link: false });
  const answer = await fetch(`${world.url}/docs`);
  const html = await answer.text();
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get('content-type'), 'text/html; charset=utf-8');
  assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');

  // The policy allows exactly the page's one style.
  const styles = [...html.matchAll(/<style>(.*?)<\/style>/gs)].map((m) => m[1]);
  assert.equal(styles.length, 1);
  const hash = createHash('sha256').update(styles[0]).digest('base64');
  const policy = answer.headers.get('content-security-policy');
  assert.ok(policy.startsWith(`default-src 'none'; style-src 'sha256-${hash}'`), policy);
  assert.doesNotMatch(html, /<script|<link|<img|<iframe|@import|url\(| style=| on[a-z]+=/i);
  assert.doesNotMatch(html.replaceAll(/<(pre|code)\b.*?<\/\1>/gs, ''), /https?:/i); // but in examples

  const ids = [...html.matchAll(/<article id="([^"]+)">/g)].map((m) => m[1]).sort();
  assert.deepEqual(ids, [...readDocument(structuredClone(printed)).operations.keys()].sort());
  for (const [, anchor] of html.matchAll(/href="#([^"]+)"/g))
    assert.ok(html.includes(`id="${anchor}"`), anchor);
  for (const [path, item] of Object.entries(printed.paths)) {
    for (const method of METHODS.filter((one) => item[one]))
      assert.match(html, new RegExp(`${method.toUpperCase()}</span> <code>${path}</code>`
        .replaceAll(/[{}]/g, '\\$&')));
  }
});

const plainText = (html) => html.replaceAll('&lt;', '<').replaceAll('&gt;', '>')
  .replaceAll('&quot;', '"').replaceAll('&amp;', '&');

test('the lines of shell on the page do what they say', async (t) => {
  const world = await startWorld(t);
  const html = await (await fetch(`${world.url}/docs`)).text();
  const env = { HUDHUD_URL: world.url, HUDHUD_DOMAIN: world.creds.domain,
    HUDHUD_CLIENT_ID: world.creds.clientId, HUDHUD_SECRET: world.creds.secret,
    PATH: `${path.dirname(binary)}:${process.env.PATH}` };
  const article = (id) => html.match(new RegExp(`<article id="${id}">.*?</article>`, 's'))[0];
  const expected = [
    ['listNumbers', /^\{"status":true,"data":\[\{"id":1,/],
    ['listNumberHistory', /^\{"status":true,"data":\[\],"meta":/],
    ['syncNumber', /"message":"Number synced successfully"/],
    ['linkNumbers', /"error":"message_rejected"/], // an account of the example's, a token of nobody's
    ['unlinkNumber', /"message":"Number unlinked successfully"/],
  ];
  for (const [id, answer] of expected) {
    const [cli, curl] = [...article(id).matchAll(/<pre dir="auto">(.*?)<\/pre>/gs)]
      .map((m) => plainText(m[1]));
    assert.match((await runProgram('sh', ['-c', curl], { env })).stdout, answer, curl);
    if (id === 'unlinkNumber') continue; // it is done already
    assert.match((await runProgram('sh', ['-c', cli], { env })).stdout, answer, cli);
  }
  const signing = html.match(/<section id="signing".*?<\/section>/s)[0];
  const lines = plainText([...signing.matchAll(/<pre>(.*?)<\/pre>/gs)].at(-1)[1]);
  const { stdout } = await runProgram('sh', ['-c', lines], { env });
  assert.match(stdout, /"status":true/, lines);
});

test('the pages: for all to read, compressed, and not sent twice', async (t) => {
  const world = await startWorld(t, { link: false });
  for (const path of ['/openapi.json', '/docs']) {
    const plain = await fetch(world.url + path, { headers: { 'Accept-Encoding': 'identity' } });
    const gzip = await fetch(world.url + path, { headers: { 'Accept-Encoding': 'gzip' } });
    assert.equal(plain.headers.get('content-encoding'), null);
    assert.equal(gzip.headers.get('content-encoding'), 'gzip');
    assert.equal(gzip.headers.get('vary'), 'Accept-Encoding');
    assert.equal(await gzip.text(), await plain.text());
    const again = await fetch(world.url + path, { headers: {
      'Accept-Encoding': 'gzip', 'If-None-Match': gzip.headers.get('etag') } });
    assert.equal(again.status, 304);
    const head = await fetch(world.url + path, { method: 'HEAD' });
    assert.equal(head.status, 200);
    assert.ok(Number(head.headers.get('content-length')) > 1000);
    const post = await fetch(world.url + path, { method: 'POST' });
    assert.equal(post.status, 405);
    assert.equal(post.headers.get('allow'), 'GET, HEAD');
    assert.equal((await post.json()).error, 'method_not_allowed');
  }
  assert.equal((await fetch(`${world.url}/docs/`)).status, 404);
});
