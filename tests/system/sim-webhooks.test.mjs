// The webhooks of the simulator, as a receiver sees them: docs/simulator.md.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { Client } from '@great-detail/whatsapp';
import { startReceiver } from './lib/receiver.mjs';
import { startSim } from './lib/sim.mjs';
import { eventually } from './lib/world.mjs';

const APP = { id: '670843887433847', name: 'Test App', secret: 'app-secret' };
const APP_TOKEN = `${APP.id}|${APP.secret}`;
const SUBSCRIPTIONS = `/v25.0/${APP.id}/subscriptions`;
const WABA = '1001';
const NUMBER = '106540352242910';
const TEMPLATE = '168955690812981';

function scenario(webhook, account = {}) {
  return {
    app: { ...APP, webhook },
    tokens: [{ token: 't-all' }],
    accounts: [
      { id: WABA, name: 'متجر', subscribed: true, owner_business_info: { id: '555' }, ...account,
        numbers: [{ id: NUMBER, verified_name: 'متجر', display_phone_number: '+966 50 555 0110' }],
        templates: [{ id: TEMPLATE, name: 'order', language: 'en_US', category: 'UTILITY',
                      components: [{ type: 'BODY', text: 'Hi' }] }] },
      { id: '1002', name: 'Not subscribed' },
    ],
  };
}

const fast = { verify_token: 'verify-token', retry_first_ms: 20, retry_max_ms: 100 };

// A simulator whose app has its webhook, verified, at a receiver.
async function start(t, { webhook = {}, account } = {}) {
  const receiver = await startReceiver(t);
  const sim = await startSim({
    scenario: scenario({ ...fast, callback_url: receiver.url, verified: true, ...webhook }, account) });
  t.after(async () => assert.deepEqual(await sim.stop(), { code: 0, signal: null }, sim.log()));
  return { sim, receiver };
}

const delivered = (sim) => eventually(async () => (await sim.webhooks()).pending === 0,
                                      { what: 'all webhooks to be delivered' });

const signature = (raw, secret = APP.secret) =>
  `sha256=${createHmac('sha256', secret).update(raw).digest('hex')}`;

const change = (value, more = {}) => ({ account: WABA, field: 'account_update', value, ...more });

// --- subscribing ---------------------------------------------------------------------------------

test('an app subscribes when its callback answers the challenge', async (t) => {
  const receiver = await startReceiver(t, { verifyToken: 'a&b ü' });
  const sim = await startSim({ scenario: scenario() });
  t.after(() => sim.stop());
  const ask = (method, query, token = APP_TOKEN) => sim.graph(SUBSCRIPTIONS, { method, query, token });
  const wanted = { object: 'whatsapp_business_account', callback_url: `${receiver.url}?a=1`,
                   verify_token: 'a&b ü', fields: 'messages,account_update' };
  assert.deepEqual((await ask('GET')).json, { data: [] });
  assert.deepEqual((await ask('POST', wanted)).json, { success: true });
  assert.deepEqual(receiver.challenges.length, 1);
  const { 'hub.challenge': challenge, ...rest } = receiver.challenges[0];
  assert.match(challenge, /^\d+$/);
  assert.deepEqual(rest, { a: '1', 'hub.mode': 'subscribe', 'hub.verify_token': 'a&b ü' });
  assert.deepEqual((await ask('GET')).json, { data: [{
    object: 'whatsapp_business_account', callback_url: `${receiver.url}?a=1`, active: true,
    fields: ['account_update', 'messages'].map((name) => ({ name, version: 'v25.0' })) }] });

  const refused = [
    [{ ...wanted, verify_token: 'other' }, 2200, /Callback verification failed.*HTTP Status Code = 403/],
    [{ ...wanted, callback_url: 'http://127.0.0.1:1/' }, 2200, /Callback verification failed/],
    [{ ...wanted, callback_url: 'ftp://x' }, 100, /callback_url/],
    [{ ...wanted, verify_token: '' }, 100, /verify_token/],
    [{ ...wanted, object: 'page' }, 100, /object/],
    [{ ...wanted, fields: 'messages,nothing' }, 100, /fields\[1\].*nothing/],
  ];
  for (const [query, code, message] of refused) {
    const { status, json } = await ask('POST', query);
    assert.equal(status, 400);
    assert.equal(json.error.code, code);
    assert.match(json.error.message, message);
  }
  assert.equal((await ask('POST', wanted, 't-all')).json.error.code, 15);
  assert.equal((await ask('GET')).json.data[0].fields.length, 2); // what was refused changed nothing

  await ask('DELETE', { object: 'whatsapp_business_account', fields: 'messages' });
  assert.deepEqual((await ask('GET')).json.data[0].fields.map(({ name }) => name), ['account_update']);
  assert.deepEqual((await ask('DELETE', {})).json, { success: true });
  assert.deepEqual((await ask('GET')).json, { data: [] });
});

test('a challenge that is answered wrongly is none', async (t) => {
  const server = createServer((request, response) => response.end('hello'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const sim = await startSim({ scenario: scenario() });
  t.after(() => sim.stop());
  const { json } = await sim.graph(SUBSCRIPTIONS, { method: 'POST', token: APP_TOKEN, query: {
    object: 'whatsapp_business_account', verify_token: 'v',
    callback_url: `http://127.0.0.1:${server.address().port}/` } });
  assert.match(json.error.message, /does not match the challenge/);
});

test('the webhook of the command line is challenged until its receiver is up', async (t) => {
  const { url, port, stop } = await startReceiver(t);
  stop();
  const sim = await startSim({ scenario: scenario(), args: [
    '--webhook-url', url, '--verify-token', 'verify-token'] });
  t.after(() => sim.stop());
  assert.match((await sim.postWebhooks(change({ event: 'X' }))).why, /has not answered/);
  const receiver = await startReceiver(t, { port });
  await eventually(async () => (await sim.scenario()).app.webhook.verified, { what: 'the challenge' });
  assert.deepEqual(await sim.postWebhooks(change({ event: 'X' })), { deliveries: 1, skipped: 0, why: null });
  await delivered(sim);
  assert.equal(receiver.requests.length, 1);
  await sim.reset();
  assert.equal((await sim.scenario()).app.webhook.callback_url, receiver.url);
  await assert.rejects(startSim({ args: ['--webhook-url', receiver.url] }), /go together/);
});

test('a request that waits for a challenge does not hold up the end', async (t) => {
  const server = createServer(() => {}); // never answers
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => { server.close(); server.closeAllConnections(); });
  const sim = await startSim({ scenario: scenario() });
  const waiting = sim.graph(SUBSCRIPTIONS, { method: 'POST', token: APP_TOKEN, query: {
    object: 'whatsapp_business_account', verify_token: 'v',
    callback_url: `http://127.0.0.1:${server.address().port}/` } }).catch((e) => e);
  await once(server, 'request');
  assert.deepEqual(await sim.stop(), { code: 0, signal: null });
  await waiting;
});

// --- what is sent --------------------------------------------------------------------------------

test('the envelope, its escapes and its signature over the raw bytes', async (t) => {
  const { sim, receiver } = await start(t);
  const text = 'مرحبا é 🌿 "quoted" \\ </b> \u007f';
  await sim.postWebhooks(change({ event: text }));
  await sim.postWebhooks({ account: WABA, field: 'messages', value: { text } });
  await delivered(sim);
  const [timed, untimed] = receiver.requests;
  for (const { headers, raw } of receiver.requests) {
    assert.equal(headers['x-hub-signature-256'], signature(raw));
    assert.equal(headers['content-type'], 'application/json');
    assert.equal(headers['user-agent'], 'facebookexternalua');
    assert.ok(raw.every((byte) => byte < 0x80), 'ASCII only');
    assert.match(raw.toString(), /\\u0645\\u0631\\u062d\\u0628\\u0627 \\u00e9 \\ud83c\\udf3f/);
  }
  const { time, ...entry } = timed.body.entry[0];
  assert.ok(Math.abs(time - Date.now() / 1000) < 60);
  assert.deepEqual({ ...timed.body, entry: [entry] }, { object: 'whatsapp_business_account', entry: [
    { id: WABA, changes: [{ value: { event: text }, field: 'account_update' }] }] });
  assert.deepEqual(untimed.body.entry, [
    { id: WABA, changes: [{ value: { text }, field: 'messages' }] }]);
});

test('a secret that changes signs what is sent from then on; a wrong signature on demand', async (t) => {
  const { sim, receiver } = await start(t);
  await sim.postWebhooks(change({}, { wrong_signature: true }));
  await sim.patchApp({ secret: 'a new one' });
  await sim.postWebhooks(change({}));
  await delivered(sim);
  const [wrong, right] = receiver.requests.map(({ headers }) => headers['x-hub-signature-256']);
  assert.match(wrong, /^sha256=[0-9a-f]{64}$/);
  assert.notEqual(wrong, signature(receiver.requests[0].raw));
  assert.notEqual(wrong, signature(receiver.requests[0].raw, 'a new one'));
  assert.equal(right, signature(receiver.requests[1].raw, 'a new one'));
  await assert.rejects(sim.patchApp({ secret: '' }), /400/);
});

test('an independent library takes the challenge and the signature', async (t) => {
  const { webhook } = new Client({ request: { baseUrl: 'http://127.0.0.1:1' } });
  const seen = [];
  const server = createServer(async (request, response) => {
    const chunks = await request.toArray();
    const { searchParams } = new URL(request.url, 'http://x');
    const asked = { method: request.method, query: Object.fromEntries(searchParams),
                    headers: request.headers, body: Buffer.concat(chunks).toString() };
    if (request.method === 'GET') {
      const registration = await webhook.register(asked);
      seen.push(registration.verifyToken);
      response.end(await registration.accept());
    } else {
      const event = await webhook.eventNotification(asked);
      await assert.rejects(event.verifySignature('another secret'));
      await event.verifySignature(APP.secret);
      seen.push(event.eventNotification.entry[0].changes[0].value.messages[0].text.body);
      response.end(await event.accept());
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => { server.close(); server.closeAllConnections(); });
  const sim = await startSim({ scenario: scenario() });
  t.after(() => sim.stop());
  const { status, text } = await sim.graph(SUBSCRIPTIONS, { method: 'POST', token: APP_TOKEN, query: {
    object: 'whatsapp_business_account', verify_token: 'theirs',
    callback_url: `http://127.0.0.1:${server.address().port}/` } });
  assert.equal(status, 200, text);
  await sim.postWebhooks({ example: 'messages/text' });
  await delivered(sim);
  assert.equal(seen[0], 'theirs');
  assert.match(seen[1], /مرحبا/);
});

// --- delivery ------------------------------------------------------------------------------------

test('anything but 200 is tried again: 500, 202, a redirect, a cut connection', async (t) => {
  const { sim, receiver } = await start(t);
  receiver.plan.push(500, 202, 302, 'cut');
  await sim.postWebhooks(change({ event: 'A' }));
  await delivered(sim);
  assert.deepEqual(receiver.requests.map(({ status }) => status), [500, 202, 302, 'cut', 200]);
  assert.equal(new Set(receiver.requests.map(({ raw }) => raw.toString())).size, 1, 'the same bytes');
  const { total, data: [row] } = await sim.webhooks();
  assert.equal(total, 1);
  assert.equal(row.state, 'delivered');
  assert.equal(row.attempts, 5);
  assert.equal(row.status, 200);
  assert.equal(row.url, receiver.url);
  assert.equal(row.field, 'account_update');
  await sim.clearWebhooks();
  assert.deepEqual(await sim.webhooks(), { total: 0, pending: 0, skipped: 0, why: null, data: [] });
});

test('the pauses grow, one that waits holds up no other, and in the end it is given up', async (t) => {
  const { sim, receiver } = await start(t, { webhook: { retry_first_ms: 100, retry_max_ms: 200, give_up_s: 1 } });
  receiver.decide = ({ entry }) => (entry[0].changes[0].value.event === 'first' ? 503 : 200);
  await sim.postWebhooks(change({ event: 'first' }));
  await eventually(() => receiver.requests.length >= 2, { what: 'the first repetition, at once' });
  await sim.postWebhooks(change({ event: 'second' }));
  await eventually(async () => (await sim.webhooks()).data[0].state === 'given_up', { what: 'the end' });
  const { data: [first, second] } = await sim.webhooks();
  assert.equal(second.state, 'delivered');
  assert.equal(first.status, 503);
  assert.ok(first.attempts >= 4 && first.attempts <= 9, `${first.attempts} attempts in a second`);
  assert.ok(first.latest_ms - first.created_ms >= 1000);
});

test('why nothing came is told, and what waits can be dropped', async (t) => {
  const { sim } = await start(t, { webhook: { callback_url: 'http://127.0.0.1:1/', retry_first_ms: 60000 } });
  await sim.postWebhooks(change({}));
  const row = await eventually(async () => {
    const { data: [latest] } = await sim.webhooks();
    return latest.attempts === 2 && latest;
  }, { what: 'two attempts' });
  assert.equal(row.state, 'pending');
  assert.equal(row.status, 0);
  assert.match(row.why, /connect/i);
  await sim.clearWebhooks();
  assert.equal((await sim.webhooks()).pending, 0);
});

test('what is posted may be forgotten, and the simulator ends, while nobody answers', async (t) => {
  const { sim, receiver } = await start(t);
  receiver.plan.push('hang', 'hang');
  await sim.postWebhooks(change({}));
  await eventually(() => receiver.requests.length === 1, { what: 'the request' });
  await sim.clearWebhooks();
  assert.deepEqual((await sim.webhooks()).data, []);
  await sim.postWebhooks(change({}));
  assert.deepEqual(await sim.stop(), { code: 0, signal: null });
});

const events = (receiver) => receiver.changes().map(([, , { event }]) => event);
const numbered = (n) => Array.from({ length: n }, (_, i) => change({ event: `e${i}` }));

test('order: as they came, or shuffled by a seed', async (t) => {
  const { sim, receiver } = await start(t);
  const expected = numbered(40).map(({ value }) => value.event);
  const arrive = async (how) => {
    receiver.requests.length = 0;
    assert.equal((await sim.postWebhooks({ changes: numbered(40), ...how })).deliveries, 40);
    await delivered(sim);
    return events(receiver);
  };
  assert.deepEqual(await arrive({}), expected);
  const shuffled = await arrive({ shuffle: true, seed: 7 });
  assert.notDeepEqual(shuffled, expected);
  assert.deepEqual(shuffled.toSorted(), expected.toSorted());
  assert.deepEqual(await arrive({ shuffle: true, seed: 7 }), shuffled);
  assert.notDeepEqual(await arrive({ shuffle: true, seed: 8 }), shuffled);
});

test('batches, copies and delays', async (t) => {
  const { sim, receiver } = await start(t);
  assert.equal((await sim.postWebhooks({ changes: numbered(1000), batch: 400 })).deliveries, 3);
  await delivered(sim);
  assert.deepEqual(receiver.requests.map(({ body }) => body.entry[0].changes.length), [400, 400, 200]);
  assert.equal(new Set(events(receiver)).size, 1000);

  // What differs in account, or in having a time, is in another entry of the same delivery.
  receiver.requests.length = 0;
  await sim.patchAccount('1002', { name: 'Now subscribed' });
  await sim.graph('/v25.0/1002/subscribed_apps', { method: 'POST' });
  await sim.postWebhooks({ batch: 10, changes: [
    change({ event: 'a' }), change({ event: 'b' }), change({ event: 'c' }, { field: 'messages' }),
    change({ event: 'd' }, { account: '1002' })] });
  await delivered(sim);
  assert.deepEqual(receiver.requests[0].body.entry.map(({ id, time, changes }) =>
    [id, typeof time, changes.length]), [[WABA, 'number', 2], [WABA, 'undefined', 1], ['1002', 'number', 1]]);

  receiver.requests.length = 0;
  const begun = Date.now();
  assert.equal((await sim.postWebhooks(change({}, { copies: 3, delay_ms: 300 }))).deliveries, 3);
  await delivered(sim);
  assert.ok(Date.now() - begun >= 290);
  assert.equal(receiver.requests.length, 3);
  assert.equal(new Set(receiver.requests.map(({ raw }) => raw.toString())).size, 1);
});

test('several connections post at once', async (t) => {
  const receiver = await startReceiver(t);
  const sim = await startSim({ args: ['--webhook-connections', '4'],
                               scenario: scenario({ ...fast, callback_url: receiver.url, verified: true }) });
  t.after(() => sim.stop());
  receiver.plan.push('hang', 'hang', 'hang');
  await sim.postWebhooks({ changes: numbered(5) });
  await eventually(() => receiver.requests.length === 5, { what: 'those behind the three that hang' });
});

// --- who gets it ---------------------------------------------------------------------------------

test('accounts and fields that nobody subscribed to are told to nobody', async (t) => {
  const { sim, receiver } = await start(t, { webhook: { fields: ['messages', 'account_update'] } });
  const skipped = async (what) => (await sim.postWebhooks(what)).why;
  assert.match(await skipped(change({}, { account: '1002' })), /subscribed_apps/);
  assert.match(await skipped(change({}, { field: 'security' })), /not subscribed to the field/);
  await sim.graph(`/v25.0/${WABA}/subscribed_apps`, { method: 'DELETE' });
  assert.match(await skipped(change({})), /subscribed_apps/);
  await sim.graph(`/v25.0/${WABA}/subscribed_apps`, { method: 'POST' });
  assert.equal(await skipped(change({})), null);
  await sim.patchApp({ webhook: null });
  assert.match(await skipped(change({})), /no webhook/);
  await delivered(sim);
  assert.equal(receiver.requests.length, 1);
});

test('a change that nobody gets is told in the log, once an account, and counted', async (t) => {
  const { sim, receiver } = await start(t, { account: { subscribed: false }, webhook: { fields: ['account_review_update'] } });
  const lines = (id) => sim.log().split('\n').filter((l) => /webhook_not_sent/.test(l) && l.includes(id));
  const review = (decision, id = WABA) => sim.patchAccount(id, { account_review_status: decision });
  await review('REJECTED');
  await review('APPROVED');
  await review('REJECTED', '1002');
  await sim.patchNumber(NUMBER, { quality_rating: 'RED' }); // a field that nobody wants: no line
  const { total, skipped, why } = await sim.webhooks();
  assert.deepEqual([total, skipped], [0, 4]);
  assert.match(why, /not subscribed to the field/);
  await eventually(() => lines(WABA).length === 1 && lines('1002').length === 1, { what: 'a line each' });
  assert.match(lines(WABA)[0], /account_review_update.*no app is subscribed to the account.*number link --replace/);

  const edge = (method) => sim.graph(`/v25.0/${WABA}/subscribed_apps`, { method });
  await edge('POST');
  await review('REJECTED');
  await delivered(sim);
  assert.equal(receiver.requests.length, 1);
  await edge('DELETE');
  await review('APPROVED');
  await eventually(() => lines(WABA).length === 2, { what: 'a line once more: it had been subscribed' });
  await sim.clearWebhooks();
  assert.deepEqual(await sim.webhooks(), { total: 0, pending: 0, skipped: 0, why: null, data: [] });
});

test('overrides of a number and of an account, for the fields that have them', async (t) => {
  const { sim, receiver } = await start(t);
  const ofAccount = await startReceiver(t), ofNumber = await startReceiver(t);
  const message = { account: WABA, field: 'messages',
                    value: { metadata: { phone_number_id: NUMBER }, messages: [] } };
  const other = { account: WABA, field: 'messages', value: { metadata: { phone_number_id: '1' } } };
  const send = async () => {
    for (const what of [message, other, change({ event: 'A' })]) await sim.postWebhooks(what);
    await delivered(sim);
    return [receiver, ofAccount, ofNumber].map((r) => r.requests.splice(0).length);
  };
  assert.deepEqual(await send(), [3, 0, 0]);
  const subscribe = (body) => sim.graph(`/v25.0/${WABA}/subscribed_apps`, { method: 'POST', body });
  const wrong = await subscribe({ override_callback_uri: ofAccount.url, verify_token: 'wrong' });
  assert.equal(wrong.json.error.code, 2200);
  assert.equal((await subscribe({ override_callback_uri: ofAccount.url, verify_token: 'verify-token' })).status, 200);
  assert.deepEqual(await send(), [1, 2, 0]);
  const configure = (override_callback_uri, verify_token = 'verify-token') =>
    sim.graph(`/v25.0/${NUMBER}`, { method: 'POST', body: {
      webhook_configuration: { override_callback_uri, verify_token } } });
  assert.equal((await configure(ofNumber.url, 'wrong')).json.error.code, 2200);
  assert.deepEqual((await configure(ofNumber.url)).json, { success: true });
  assert.deepEqual((await sim.graph(`/v25.0/${NUMBER}?fields=webhook_configuration`)).json,
                   { webhook_configuration: { phone_number: ofNumber.url }, id: NUMBER });
  assert.deepEqual(await send(), [1, 1, 1]);
  assert.deepEqual((await configure('')).json, { success: true });
  assert.deepEqual(await send(), [1, 2, 0]);
  await subscribe({});
  assert.deepEqual(await send(), [3, 0, 0]);
});

// --- what changes tell ---------------------------------------------------------------------------

test('a change of a number is told', async (t) => {
  const { sim, receiver } = await start(t);
  const told = async (fields, path = `/numbers/${NUMBER}`) => {
    receiver.requests.length = 0;
    await sim.control('PATCH', path, fields);
    await delivered(sim);
    return receiver.changes().map(([id, field, value]) => {
      assert.equal(id, WABA);
      assert.equal(value.display_phone_number, '966505550110');
      return [field, value.event ?? value.decision];
    });
  };
  const quality = (event) => ['phone_number_quality_update', event];
  assert.deepEqual(await told({ quality_rating: 'YELLOW' }), []);
  assert.deepEqual(await told({ quality_rating: 'RED', status: 'FLAGGED' }), [quality('FLAGGED')]);
  assert.deepEqual(await told({ quality_rating: 'GREEN' }), []);
  assert.deepEqual(await told({ status: 'CONNECTED' }), [quality('UNFLAGGED')]);
  assert.deepEqual(await told({ messaging_limit: 'TIER_10K' }), [quality('UPGRADE')]);
  assert.deepEqual(receiver.changes()[0][2], {
    display_phone_number: '966505550110', event: 'UPGRADE', old_limit: 'TIER_250',
    current_limit: 'TIER_10K', max_daily_conversations_per_business: 'TIER_10K' });
  assert.deepEqual(await told({ messaging_limit: 'TIER_2K' }), [quality('DOWNGRADE')]);
  assert.deepEqual(await told({ throughput: { level: 'HIGH' } }), [quality('THROUGHPUT_UPGRADE')]);
  assert.deepEqual(await told({ verified_name: 'اسم "جديد"', name_status: 'PENDING_REVIEW' }),
                   [['phone_number_name_update', 'PENDING']]);
  assert.equal(receiver.changes()[0][2].requested_verified_name, 'اسم "جديد"');
  assert.deepEqual(await told({ name_status: 'DECLINED' }), [['phone_number_name_update', 'REJECTED']]);
  assert.equal(receiver.changes()[0][2].rejection_reason, 'UNKNOWN');
  assert.deepEqual(await told({ quality_rating: 'RED' }, `/numbers/${NUMBER}?webhook=no`), []);
});

test('a change of a template is told', async (t) => {
  const { sim, receiver } = await start(t);
  const identity = { message_template_id: Number(TEMPLATE), message_template_name: 'order',
                     message_template_language: 'en-US' };
  const told = async (fields) => {
    receiver.requests.length = 0;
    await sim.patchTemplate(TEMPLATE, fields);
    await delivered(sim);
    return receiver.changes().map(([, field, value]) => {
      for (const [key, expected] of Object.entries(identity)) assert.equal(value[key], expected);
      return [field, value];
    });
  };
  const status = async (fields) => (await told(fields)).map(([field, { event, reason }]) => [field, event, reason]);
  const STATUS = 'message_template_status_update';
  assert.deepEqual(await status({ status: 'REJECTED', rejected_reason: 'INVALID_FORMAT' }),
                   [[STATUS, 'REJECTED', 'INVALID_FORMAT']]);
  assert.ok(receiver.changes()[0][2].rejection_info.reason);
  assert.deepEqual(await status({ status: 'APPROVED' }), [[STATUS, 'APPROVED', 'NONE']]);
  assert.deepEqual(await status({ status: 'PAUSED' }), [[STATUS, 'PAUSED', 'NONE']]);
  assert.equal(receiver.changes()[0][2].other_info.title, 'FIRST_PAUSE');
  assert.deepEqual(await status({ status: 'DISABLED' }), [[STATUS, 'DISABLED', 'NONE']]);
  assert.match(receiver.changes()[0][2].disable_info.disable_date, /^[A-Z][a-z]+ \d+, \d{4}$/);
  assert.deepEqual(await status({ status: 'APPROVED' }), [[STATUS, 'REINSTATED', 'NONE']]);
  assert.deepEqual(await told({ quality_score: { score: 'RED' } }), [['message_template_quality_update', {
    previous_quality_score: 'UNKNOWN', new_quality_score: 'RED', ...identity }]]);
  assert.deepEqual(await told({ category: 'MARKETING', correct_category: 'UTILITY' }), [['template_category_update', {
    ...identity, previous_category: 'UTILITY', new_category: 'MARKETING', correct_category: 'UTILITY' }]]);
  assert.deepEqual(await told({ components: [
    { type: 'HEADER', format: 'TEXT', text: 'عنوان' }, { type: 'BODY', text: 'Order {{1}}' },
    { type: 'FOOTER', text: 'Bye' }, { type: 'BUTTONS', buttons: [{ type: 'URL', text: 'Go', url: 'https://a.b/' }] },
  ] }), [['message_template_components_update', {
    ...identity, message_template_title: 'عنوان', message_template_element: 'Order {{1}}',
    message_template_footer: 'Bye', message_template_buttons: [{ message_template_button_type: 'URL',
      message_template_button_text: 'Go', message_template_button_url: 'https://a.b/' }] }]]);

  receiver.requests.length = 0;
  const { id } = await sim.addTemplate(WABA, { name: 'new', language: 'ar', category: 'UTILITY', status: 'PENDING' });
  await sim.deleteTemplate(id);
  await sim.deleteTemplate(`${TEMPLATE}?webhook=no`);
  await delivered(sim);
  assert.deepEqual(receiver.changes().map(([, , value]) => [value.event, value.message_template_name]),
                   [['PENDING', 'new'], ['DELETED', 'new']]);
});

test('a change of an account is told', async (t) => {
  const { sim, receiver } = await start(t);
  for (const fields of [
    { account_review_status: 'REJECTED' }, { status: 'RESTRICTED' }, { status: 'DISABLED' }, { status: 'ACTIVE' },
    { primary_business_location: 'SA' }, { whatsapp_business_manager_messaging_limit: 'TIER_100K' }, { name: 'X' },
  ]) await sim.patchAccount(WABA, fields);
  await delivered(sim);
  assert.deepEqual(receiver.changes().map(([, field, value]) => [field, value.event ?? value.decision,
    value.ban_info?.waba_ban_state ?? value.restriction_info?.[0].restriction_type]), [
    ['account_review_update', 'REJECTED', undefined],
    ['account_update', 'ACCOUNT_RESTRICTION', 'RESTRICTED_BIZ_INITIATED_MESSAGING'],
    ['account_update', 'DISABLED_UPDATE', 'DISABLE'],
    ['account_update', 'DISABLED_UPDATE', 'REINSTATE'],
    ['account_update', 'BUSINESS_PRIMARY_LOCATION_COUNTRY_UPDATE', undefined],
    ['business_capability_update', undefined, undefined],
  ]);
});

// --- /_sim/webhooks ------------------------------------------------------------------------------

test('every example can be sent, as of the account it is of', async (t) => {
  const { sim, receiver } = await start(t);
  const { data } = await sim.control('GET', '/webhooks/examples');
  assert.ok(data.length > 50);
  await sim.postWebhooks(data.map(({ name }) => ({ example: name })));
  await delivered(sim);
  assert.deepEqual(receiver.changes().map(([, field]) => field), data.map(({ field }) => field));
  const byField = (wanted) => receiver.changes().find(([, field]) => field === wanted);
  assert.deepEqual(byField('messages')[2].metadata, { display_phone_number: '966505550110', phone_number_id: NUMBER });
  assert.equal(byField('template_category_update')[2].message_template_id, Number(TEMPLATE));
  assert.equal(byField('partner_solutions')[0], '555', 'told under the business portfolio');
  const ids = receiver.changes().flatMap(([, , value]) => value.messages ?? []).map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length, 'each message is one of its own');
});

test('whole payloads, other addresses, and what is refused', async (t) => {
  const { sim, receiver } = await start(t);
  const other = await startReceiver(t);
  const payload = { object: 'whatsapp_business_account', entry: [
    { id: '77', changes: [{ field: 'made_up', value: { text: 'نص' } }, { field: 'made_up', value: {} }] }] };
  await sim.postWebhooks(payload);
  await sim.postWebhooks({ payload: { anything: ['goes'] }, url: `${other.url}?a=b`, copies: 2 });
  await sim.postWebhooks(change({ event: 'A' }, { account: '1002', url: other.url }));
  await delivered(sim);
  assert.deepEqual(receiver.requests.map(({ body }) => body), [payload]);
  assert.equal((await sim.webhooks()).data[0].changes, 2);
  assert.deepEqual(other.requests.map(({ path }) => path), ['/hook?a=b', '/hook?a=b', '/hook']);

  const refused = [
    [change({}, { account: '9' }), /account/], [{ account: WABA, field: 'x' }, /value/],
    [{ example: 'nothing' }, /example/], [change({}, { copies: 0 }), /copies/],
    [change({}, { batch: 1001 }), /batch/], [change({}, { typo: 1 }), /typo/], ['text', /object or a list/],
    [[change({}), { value: {} }], /changes\[1\]\.field/],
  ];
  await sim.clearWebhooks();
  for (const [what, message] of refused)
    await assert.rejects(sim.postWebhooks(what), (e) => /: 400 /.test(e.message) && message.test(e.message));
  assert.equal((await sim.webhooks()).total, 0);
  await assert.rejects(sim.patchApp({ webhook: { callback_url: 'x', verify_token: 'v', fields: ['y'] } }),
                       /app\.webhook\.fields/);
});

test('a scenario keeps its webhook, and a new one drops what is on its way', async (t) => {
  const { sim, receiver } = await start(t, { webhook: { fields: ['messages'], retry_first_ms: 60000 } });
  const saved = await sim.scenario();
  assert.deepEqual(saved.app.webhook, { callback_url: receiver.url, verify_token: 'verify-token',
    fields: ['messages'], verified: true, retry_first_ms: 60000, retry_max_ms: 100, give_up_s: 604800 });
  receiver.plan.push(500, 500, 500);
  await sim.postWebhooks({ example: 'messages/text', delay_ms: 60000 });
  await sim.putScenario(saved);
  assert.deepEqual(await sim.scenario(), saved);
  assert.equal((await sim.webhooks()).total, 0);
});
