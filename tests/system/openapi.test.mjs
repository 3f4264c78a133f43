// The description of the API: valid, complete, and true. Each documented operation is sent to a real
// server, each documented refusal is provoked, and every answer is held against the document.
import { validate as parserValidate } from '@readme/openapi-parser';
import { Validator } from '@seriousme/openapi-schema-validator';
import assert from 'node:assert/strict';
import { createHash, createHmac, randomUUID } from 'node:crypto';
import http from 'node:http';
import path from 'node:path';
import { test } from 'node:test';
import { binary, createClient, runOk, runProgram, storeKind, storeSql } from './lib/hudhud.mjs';
import { METHODS, readDocument, signedRequest } from './lib/openapi.mjs';
import { admin } from './lib/wire.mjs';
import { eventually, sleep, startWorld } from './lib/world.mjs';

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
    const streams = operation.responses['200']?.content?.['text/event-stream'];
    assert.ok(parameters.includes(
      streams ? 'LastEventId' : method === 'get' ? 'IfNoneMatch' : 'IdempotencyKey'));
  }
});

// --- conformance -------------------------------------------------------------------------------

// A receiver of deliveries on loopback -> {url, deliveries: [{headers, body}]}. It answers the
// verification, and 200 to what comes then; at /slow after a second, and at /broken and /gone neither.
async function startReceiver(t) {
  const failures = { '/broken': 500, '/gone': 410 };
  const deliveries = [];
  const server = http.createServer((req, res) => {
    const chunks = [];
    req.on('data', (d) => chunks.push(d));
    req.on('end', async () => {
      const body = Buffer.concat(chunks).toString();
      const { challenge } = JSON.parse(body);
      if (!challenge) deliveries.push({ headers: req.headers, body });
      if (req.url === '/slow') await sleep(1000);
      res.statusCode = failures[req.url] ?? 200;
      res.end(failures[req.url] ? 'broken' : JSON.stringify({ challenge }));
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return { url: `http://127.0.0.1:${server.address().port}`, deliveries };
}
const RECEIVED = ['--webhook-allow-http', 'true', '--webhook-allow-private', 'true'];

// A good request of each operation, to a workspace whose numbers are linked and which has webhooks: 1
// with a delivery, and 2.
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
  streamEvents: () => ['GET', '/events'],
  listWebhooks: () => ['GET', '/webhooks'],
  createWebhook: (world) => ['POST', '/webhooks',
    JSON.stringify({ url: `${world.receiver}/slow`, events: ['*'] })],
  getWebhook: () => ['GET', '/webhooks/1'],
  updateWebhook: (world) => ['PATCH', '/webhooks/1',
    JSON.stringify({ url: `${world.receiver}/changed`, events: ['number.quality.updated', 'account.updated'] })],
  deleteWebhook: () => ['DELETE', '/webhooks/2'],
  rotateWebhookSecret: () => ['POST', '/webhooks/1/rotate-secret', '{"overlap_seconds":60}'],
  testWebhook: () => ['POST', '/webhooks/1/test'],
  listDeliveries: () => ['GET', '/webhooks/1/deliveries'],
  getDelivery: () => ['GET', '/webhooks/1/deliveries/1'],
  replayDelivery: () => ['POST', '/webhooks/1/deliveries/1/replay'],
  replayDeliveries: () => ['POST', '/webhooks/1/replay', '{"from":"2024-01-20T10:00:00Z"}'],
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

const whileDisabled = async (send, world) => {
  storeSql(world.data, 'UPDATE webhooks SET disabled_at = 1 WHERE id = 1');
  const answer = await send();
  storeSql(world.data, 'UPDATE webhooks SET disabled_at = NULL WHERE id = 1');
  return answer;
};
const conflicts = {
  testWebhook: whileDisabled,
  replayDelivery: whileDisabled,
  streamEvents: (send) => send({ headers: { 'Last-Event-ID': `evt_${'z'.repeat(24)}` } }),
  linkNumbers: (send, world) => send({ body: JSON.stringify(
    { waba_id: world.sim.wabaId, access_token: world.sim.token }) }),
  createWebhook: (send, world) => {
    storeSql(world.data, 'INSERT INTO webhooks (workspace_id, url, events, secret, created_at, updated_at) ' +
      `${series(2000)} SELECT w.id, 'http://127.0.0.1/', '*', ${bytes}, i, i FROM series, workspaces w ` +
      "WHERE w.domain = 'crowded'");
    return send({ creds: world.crowded });
  },
  // In a time long gone, so that they are in nobody else's way.
  replayDeliveries: (send, world) => {
    const at = Date.UTC(2001, 1, 1);
    storeSql(world.data, 'INSERT INTO events (workspace_id, event_id, name, body, wanted, created_at) ' +
      `${series(2001)} SELECT 1, 'evt_' || i, 'account.updated', '{}', 1, ${at} FROM series`);
    storeSql(world.data, 'INSERT INTO jobs (workspace_id, kind, webhook_id, event_id, state, attempts, ' +
      "due_at, created_at, ended_at) SELECT 1, 'deliver', 1, id, 'done', 1, created_at, created_at, " +
      `${Date.now()} FROM events WHERE created_at = ${at}`);
    return send({ body: '{"from":"2001-01-01T00:00:00Z","to":"2002-01-01T00:00:00Z"}' });
  },
};
const series = (n) => 'WITH RECURSIVE series (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM series ' +
  `WHERE i < ${n})`;
const bytes = storeKind === 'postgres' ? "'\\x00'" : "x'00'";
const hasBody = (method) => method === 'post' || method === 'patch';

const SIGNATURE_OF_ANOTHER = `sha256=${'0'.repeat(64)}`;

// What any operation can be made to refuse, by the key it is documented under. `send(changes)` sends
// the operation's good request with `path`, `body`, `headers` or `creds` changed.
const provoked = {
  '400 bad_request': ({ send, method }) => (hasBody(method)
    ? send({ headers: { 'Transfer-Encoding': 'chunked', 'Content-Length': '2' }, body: '{}' })
    : send({ body: '{}' })),
  '400 unsupported_version': ({ send }) => send({ headers: { 'X-API-Version': 'v2' } }),
  '400 missing_headers': ({ send }) => send({ headers: { 'X-Timestamp': null } }),
  '400 invalid_headers': ({ send }) => send({ headers: { 'X-Timestamp': 'now' } }),
  '400 invalid_json': ({ send }) => send({ body: '{"waba_id":' }),
  '400 validation_failed': ({ send, method, path }) => (hasBody(method)
    ? send({ body: '{"colour":"green"}' })
    : send({ path: /history|deliveries/.test(path) ? `${path}?limit=0`
      : path === '/events' ? `${path}?events=colour` : `${path}?include=colour` })),
  '401 authentication_failed': ({ send }) =>
    send({ headers: { 'X-Awal-Signature-256': SIGNATURE_OF_ANOTHER } }),
  '403 timestamp_expired': ({ send, world }) => send({ creds: { ...world.creds, timestamp: 1704124800 } }),
  '403 permission_denied': ({ send, world }) => send({ creds: world.nothing }),
  '404 resource_not_found': ({ send, path, world }) =>
    (/\/\d/.test(path)
      ? send({ path: path.replace(/\/\d+/, '/999') }) : send({ creds: world.empty })),
  '413 payload_too_large': ({ send }) => send({ body: `{"colour":"${'g'.repeat(70000)}"}` }),
  '415 unsupported_media_type': ({ send }) =>
    send({ body: 'colour=green', headers: { 'Content-Type': 'application/x-www-form-urlencoded' } }),
  '422 idempotency_key_reused': async ({ send, path }) => {
    const headers = { 'Idempotency-Key': randomUUID() };
    await send({ path: `${path}?colour=green`.replace(/\/[25]/, '/999'), headers });
    return send({ headers });
  },
  '409 conflict': ({ id, send, world }) => conflicts[id](send, world),
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
  const world = await startWorld(t, { limits: true, args: RECEIVED });
  const { url, deliveries } = await startReceiver(t);
  Object.assign(world, { receiver: url, deliveries });
  for (let i = 0; i < 2; i++)
    await world.call('POST', '/webhooks', { url: `${world.receiver}/${i}`, events: ['*'] });
  await world.call('POST', '/webhooks/1/test');
  world.crowded = await createClient(world.data, 'crowded');
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
  let n = 0;
  for (const [id, operation] of document.operations) {
    const [method, path, body] = good[id](world);
    assert.equal(method.toLowerCase(), operation.method);
    // Each write has a key of its own: two that are alike within a second would be one. Each operation
    // is called from an address of its own: only so many failures are allowed from one.
    const from = `127.0.0.${++n + 1}`;
    const send = async (changes = {}) => {
      if (before[id]) await world.sim.patchNumber(world.first, before[id]);
      return signedRequest(world.url, method, changes.path ?? path,
        changes.creds ?? world.creds, { body: changes.body ?? body, from,
          headers: { ...(method === 'GET' ? {} : { 'Idempotency-Key': randomUUID() }), ...changes.headers } });
    };
    const context = { id, send, fault, world, path, method: operation.method };
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
    // Deliveries are under way: what is asked for may be another a moment later.
    if (operation.responses['304']) await eventually(async () => {
      const etag = look(await send()).headers.get('etag');
      return look(await send({ headers: { 'If-None-Match': etag } })).status === 304;
    });
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

test('deliveries and webhooks of every kind keep to the document', async (t) => {
  const { world, document } = await startConformance(t);
  const ask = async (id, method, path, body) => {
    const answer = await signedRequest(world.url, method, path, world.creds, {
      body: body && JSON.stringify(body),
      headers: method === 'GET' ? {} : { 'Idempotency-Key': randomUUID() } });
    return { key: document.checkAnswer(id, answer), ...answer.json };
  };
  const delivery = () => ask('getDelivery', 'GET', '/webhooks/1/deliveries/1');
  await eventually(async () => (await delivery()).data.state === 'done');
  const { data } = await delivery();
  assert.equal(data.request.event, 'webhook.test');
  assert.equal(data.tries[0].status, 200);

  // One that fails, one behind another, one that was never verified; and a list of them in parts.
  storeSql(world.data, `UPDATE webhooks SET url = '${world.receiver}/broken' WHERE id = 1`);
  await ask('testWebhook', 'POST', '/webhooks/1/test');
  const failed = await eventually(async () => {
    const list = await ask('listDeliveries', 'GET', '/webhooks/1/deliveries?state=waiting&limit=1');
    return list.data[0]?.attempts > 0 && list.data[0];
  });
  assert.match(failed.error, /500/);
  await ask('getDelivery', 'GET', `/webhooks/1/deliveries/${failed.id}`);
  assert.notEqual((await ask('getWebhook', 'GET', '/webhooks/1')).data.failing_since, null);
  const first = await ask('listDeliveries', 'GET', '/webhooks/1/deliveries?limit=1');
  assert.equal(first.meta.next_before, first.data[0].id);
  const rest = await ask('listDeliveries', 'GET', `/webhooks/1/deliveries?before=${first.meta.next_before}`);
  assert.equal(rest.data[0].id, 1);
  assert.equal(rest.meta.next_before, null);
  assert.equal((await ask('listDeliveries', 'GET', '/webhooks/1/deliveries?state=lost')).key, '400 validation_failed');

  const refused = await ask('createWebhook', 'POST', '/webhooks', { url: `${world.receiver}/broken`, events: ['*'] });
  assert.equal(refused.key, '400 validation_failed');
  assert.match(refused.details.url, /500/);
  const off = await ask('updateWebhook', 'PATCH', '/webhooks/1', { enabled: false });
  assert.equal(off.data.disabled_reason, 'by_hand');
  // The secret is shown once: not again to who sends the same request again.
  const key = { 'Idempotency-Key': randomUUID() };
  const rotate = () =>
    signedRequest(world.url, 'POST', '/webhooks/1/rotate-secret', world.creds, { headers: key });
  const [shown, hidden] = [await rotate(), await rotate()];
  for (const answer of [shown, hidden]) document.checkAnswer('rotateWebhookSecret', answer);
  assert.equal(hidden.headers.get('idempotent-replayed'), 'true');
  assert.match(shown.json.data.secret, /^whsec_/);
  assert.match(hidden.json.data.secret, /^\*+$/);
  const { data: rotated } = await ask('rotateWebhookSecret', 'POST', '/webhooks/1/rotate-secret');
  assert.notEqual(rotated.previous_secret_valid_until, null);
  await ask('updateWebhook', 'PATCH', '/webhooks/1', { enabled: true });
  const { data: again } = await ask('replayDeliveries', 'POST', '/webhooks/1/replay',
    { from: '2024-01-20T10:00:00Z', to: '2124-01-20T10:00:00.5Z' });
  assert.equal(again.deliveries, 2);
});

// What Meta would send, to the address of an app of ours.
async function tellByMeta(world, changes) {
  const secret = 'f'.repeat(32);
  await admin(world.data, 'POST', '/apps', { app_id: '670843887433847', secret, verify_token: 'verify' });
  const body = JSON.stringify({ object: 'whatsapp_business_account', entry: [
    { id: world.sim.wabaId, time: Math.floor(Date.now() / 1000),
      changes: Object.entries(changes).map(([field, value]) => ({ field, value })) }] });
  const answer = await fetch(`${world.url}/webhooks/meta`, { method: 'POST', body, headers: {
    'Content-Type': 'application/json',
    'X-Hub-Signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}` } });
  const { data } = await answer.json();
  assert.equal(data.changes, Object.keys(changes).length);
  assert.equal(data.unapplied, 0);
}

test('each documented event is delivered as documented', async (t) => {
  const { world, document } = await startConformance(t);
  const [one, two] = (await world.call('GET', '/waba-numbers')).json.data;
  await world.call('POST', '/webhooks/1/rotate-secret'); // signed with both from now on
  await world.sim.patchNumber(one.phone_number_id, { quality_rating: 'RED', status: 'BANNED' });
  await world.call('POST', '/waba-numbers/1/sync');
  const template = { message_template_id: 594425479261596, message_template_name: 'order_confirmation',
    message_template_language: 'ar' };
  await tellByMeta(world, {
    account_review_update: { decision: 'APPROVED' },
    account_update: { event: 'ACCOUNT_RESTRICTION', restriction_info: [
      { restriction_type: 'RESTRICTED_BIZ_INITIATED_MESSAGING', expiration: 1767830400 }] },
    phone_number_name_update: { display_phone_number: two.phone_number, decision: 'REJECTED',
      requested_verified_name: 'الهدهد', rejection_reason: 'NAME_NOT_CONSISTENT' },
    phone_number_quality_update: { display_phone_number: two.phone_number, event: 'UPGRADE',
      current_limit: 'TIER_100K' },
    message_template_status_update: { ...template, event: 'REJECTED', reason: 'SCAM' },
    message_template_quality_update: { ...template, previous_quality_score: 'GREEN', new_quality_score: 'YELLOW' },
    template_category_update: { ...template, previous_category: 'MARKETING', new_category: 'UTILITY' },
    message_template_components_update: { ...template, message_template_element: 'مرحبا {{1}}' },
  });
  storeSql(world.data, `UPDATE webhooks SET url = '${world.receiver}/gone' WHERE id = 2`);
  await world.call('POST', '/webhooks/2/test');
  const names = () => new Set(world.deliveries.map(({ body }) => JSON.parse(body).event));
  const documented = Object.keys(printed.webhooks).sort();
  await eventually(() => names().size >= documented.length,
    { what: `each of ${documented}` }).catch((e) => assert.fail(`${e.message}: ${[...names()]}`));
  assert.deepEqual([...names()].sort(), documented);
  for (const delivery of world.deliveries) document.checkEvent(delivery);
  const [{ headers, body }] = world.deliveries;
  for (const wrong of [{ headers, body: body.replace('"data":{', '"data":{"colour":"green",') },
    { headers, body: body.replace('"event":"', '"event":"colour.') },
    { headers: { ...headers, 'x-colour': 'green' }, body },
    { headers: { ...headers, 'webhook-id': undefined }, body }])
    assert.throws(() => document.checkEvent(wrong), { name: 'AssertionError' });
  assert.ok(world.deliveries.some(({ headers: h }) => h['x-awal-signature-256-previous']));
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
    ['listWebhooks', /^\{"status":true,"data":\[\]\}/],
    ['listDeliveries', /"error":"resource_not_found"/],
    ['rotateWebhookSecret', /"error":"resource_not_found"/],
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
