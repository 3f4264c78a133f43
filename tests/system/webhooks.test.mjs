// Events out (developer-api.md §8): making a webhook, what is delivered to it and how it is signed,
// retries, order, and that one which fails delays no other.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import net from 'node:net';
import { test } from 'node:test';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';
import { storeSql } from './lib/hudhud.mjs';
import { addApp, change, metaPost } from './lib/meta.mjs';
import { LOCAL, startReceiver } from './lib/endpoint.mjs';
import { eventually, scenarioOf, sleep, startWorld } from './lib/world.mjs';

const WABA = '900';
const PHONES = Array.from({ length: 8 }, (_, i) => `96650000${1000 + i}`);
const SIM = scenarioOf(PHONES.map((_, i) => ({ id: `11${i}` })), { waba: WABA });
const QUICK = ['--webhook-retries', '100ms,200ms,300ms', '--webhook-timeout', '2s', '--sync-interval', '24h'];

async function startOut(t, { args = [], ...options } = {}) {
  const world = await startWorld(t, { sim: { scenario: SIM }, args: [...LOCAL, ...QUICK, ...args], ...options });
  await addApp(world.data);
  await world.sim.stop(); // what it says would undo what the tests tell
  world.add = async (url, { events = ['*'], ...more } = {}) => {
    const answer = await world.call('POST', '/webhooks', { url, events, ...more });
    assert.equal(answer.status, 201, answer.text);
    return answer.json.data;
  };
  let time = Math.floor(Date.now() / 1000) - 100000;
  let n = 0;
  // A number's limit changes: one event. -> its `current`
  world.happen = async (phone = PHONES[0]) => {
    const tier = `TIER_${n++}`;
    const answer = await metaPost(world.url, change(WABA, 'phone_number_quality_update',
      { display_phone_number: phone, event: 'UPGRADE', current_limit: tier }, time++));
    assert.equal(answer.status, 200, answer.text);
    return tier;
  };
  world.deliveries = async (id, query = '') =>
    (await world.call('GET', `/webhooks/${id}/deliveries${query}`)).json.data;
  return world;
}

const got = (receiver) => receiver.deliveries.map((d) => d.json.data.current);
const arrived = (receiver, n, timeout = 10000) =>
  eventually(() => receiver.deliveries.length >= n, { timeout, what: `${n} deliveries` });

test('verification: the URL answers the challenge, or is not saved', async (t) => {
  const world = await startOut(t, { link: false });
  const good = await startReceiver(t);
  const made = await world.add(good.url, { events: ['number.limit.updated', 'account.updated'] });
  assert.deepEqual(Object.keys(made), ['id', 'url', 'events', 'enabled', 'disabled_at', 'disabled_reason',
    'failing_since', 'previous_secret_valid_until', 'created_at', 'updated_at', 'secret']);
  assert.match(made.secret, /^whsec_[A-Za-z0-9+/]{43}=$/);
  assert.equal(good.verifications.length, 1);
  assert.deepEqual(Object.keys(good.verifications[0].json), ['type', 'challenge']);

  const silent = await startReceiver(t, { verify: false });
  const wrong = await startReceiver(t, { verify: () => ({ challenge: 'another' }) });
  const created = await startReceiver(t, { verify: ({ challenge }) => ({ challenge, status: 201 }) });
  const closed = await startReceiver(null);
  await closed.stop();
  for (const [receiver, why] of [[silent, /HTTP 404/], [wrong, /challenge/], [created, /HTTP 201/], [closed, /reached/]]) {
    const answer = await world.call('POST', '/webhooks', { url: receiver.url, events: ['*'] });
    assert.equal(answer.status, 400);
    assert.equal(answer.json.error, 'validation_failed');
    assert.match(answer.json.details.url, why);
  }
  const listed = (await world.call('GET', '/webhooks')).json.data;
  assert.equal(listed.length, 1);
  assert.ok(!('secret' in listed[0]));
});

test('what is wrong with a webhook is told field by field', async (t) => {
  const world = await startOut(t, { link: false });
  const wrong = async (body, fields) => {
    const answer = await world.call('POST', '/webhooks', body);
    assert.equal(answer.status, 400, JSON.stringify(body));
    assert.deepEqual(Object.keys(answer.json.details).sort(), fields.sort(), answer.text);
    return answer;
  };
  await wrong({}, ['url', 'events']);
  await wrong({ url: 'ftp://example.com/', events: ['*'] }, ['url']);
  for (const url of ['https://user:pass@example.com/', 'https://example.com/#x', 'https:///x', 'https://متجر.com/',
    'https://example.com/a b', 'example.com', `https://example.com/${'x'.repeat(2050)}`, 'https://x:70000/',
    'https://x:0/', 'https://[::1/']) {
    const answer = await wrong({ url, events: ['nothing.happened', '*'] }, ['url', 'events']);
    assert.match(answer.json.details.url, /must be such as|must have/, url);
  }
  for (const events of [[1], [null], ['*', {}], [['*']]]) {
    const answer = await wrong({ url: 'https://example.com/', events }, ['events']);
    assert.equal(answer.json.details.events, 'must be a list of texts');
  }
  await wrong({ url: 'https://example.com/', events: [] }, ['events']);
  await wrong({ url: 'https://example.com/', events: ['*'], enabled: 'yes', extra: 1 }, ['enabled', 'extra']);
  assert.equal((await world.call('GET', '/webhooks/7')).status, 404);
  assert.equal((await world.call('PATCH', '/webhooks/7', { enabled: false })).status, 404);
  assert.equal((await world.call('DELETE', '/webhooks/x')).status, 404);
});

test('null is left out, and an event that is named twice is one', async (t) => {
  const world = await startOut(t, { link: false });
  const receiver = await startReceiver(t);
  const made = await world.add(receiver.url,
    { events: ['template.status.updated', 'account.updated', 'template.status.updated'], enabled: null });
  assert.deepEqual([made.enabled, made.events], [true, ['template.status.updated', 'account.updated']]);
  const change = (body) => world.call('PATCH', `/webhooks/${made.id}`, body);
  const changed = await change({ enabled: null, url: null, events: ['account.updated', 'account.updated'] });
  assert.deepEqual([changed.status, changed.json.data?.enabled, changed.json.data?.events],
    [200, true, ['account.updated']], changed.text);
  assert.equal((await change({ enabled: false })).json.data.enabled, false);
  assert.equal((await change({ enabled: null, events: ['*', '*'] })).json.data.enabled, false);
  for (const body of [{}, { enabled: null, url: null, events: null }]) {
    const nothing = await change(body);
    assert.equal(nothing.status, 400);
    assert.match(nothing.json.details.url, /nothing to change; send url, events or enabled/);
  }
  // The same of workspaces and their clients, in the administration.
  const { admin } = await import('./lib/wire.mjs');
  for (const where of ['/workspaces/acme', `/workspaces/acme/clients/${world.creds.clientId}`]) {
    const answer = await admin(world.data, 'PATCH', where, { enabled: null });
    assert.equal(answer.status, 200, answer.text);
  }
  assert.equal((await world.call('GET', '/webhooks')).status, 200);
});

test('what is wrong with a query of a list is told together', async (t) => {
  const world = await startOut(t, { link: false });
  const { admin } = await import('./lib/wire.mjs');
  const { id } = await world.add((await startReceiver(t)).url);
  const wrong = async (answer, fields) => {
    assert.equal(answer.status, 400, answer.text);
    assert.deepEqual(Object.keys(answer.json.details).sort(), fields, answer.text);
  };
  await wrong(await world.call('GET', `/webhooks/${id}/deliveries?limit=101&before=x&state=bad`),
    ['before', 'limit', 'state']);
  await wrong(await admin(world.data, 'GET', '/jobs?limit=1001&before=x&state=bad&webhook=x&workspace=nobody'),
    ['before', 'limit', 'state', 'webhook', 'workspace']);
  await wrong(await admin(world.data, 'GET', '/jobs?limit=0&workspace=acme&webhook=99'), ['limit', 'webhook']);
  await wrong(await admin(world.data, 'GET', '/inbound?limit=0&before=0&state=dead'), ['before', 'limit', 'state']);
});

test('an answer that is no text is on record too', async (t) => {
  const world = await startOut(t, { link: false });
  const receiver = await startReceiver(t);
  const bytes = Buffer.from([0xff, 0xfe, 0x00, 0x41]);
  const { id } = await world.add(receiver.url);
  const tried = async (body) => {
    receiver.behave = () => ({ body });
    const sent = await world.call('POST', `/webhooks/${id}/test`);
    const where = `/webhooks/${id}/deliveries/${sent.json.data.id}`;
    return eventually(async () => {
      const { json } = await world.call('GET', where);
      return json.data.state === 'done' && { where, attempt: json.data.tries[0] };
    });
  };
  const { where, attempt } = await tried(bytes);
  assert.deepEqual([attempt.answer, attempt.answer_base64], [null, bytes.toString('base64')]);
  const shown = await world.cli(['webhook', 'delivery', '--domain', 'acme', ...where.match(/\d+/g)]);
  assert.match(shown.stdout, /^1 .* \(4 bytes that are no text\)$/m);
  assert.ok(!('answer_base64' in (await tried('مرحبا')).attempt));
  assert.ok(!('answer_base64' in (await tried('')).attempt));
});

test('without leave: no http, no private address, whatever its name', async (t) => {
  const receiver = await startReceiver(t);
  const world = await startWorld(t, { sim: { scenario: SIM }, link: false });
  const plain = await world.call('POST', '/webhooks', { url: receiver.url, events: ['*'] });
  assert.match(plain.json.details.url, /webhook-allow-http/);
  const half = await startWorld(t, { sim: { scenario: SIM }, link: false, args: ['--webhook-allow-http', 'true'] });
  for (const host of ['127.0.0.1', 'localhost', '[::1]', '0.0.0.0', '2130706433', '127.1', '[::ffff:127.0.0.1]',
    '10.0.0.1', '169.254.169.254']) {
    const answer = await half.call('POST', '/webhooks', { url: `http://${host}:${receiver.port}/`, events: ['*'] });
    assert.equal(answer.status, 400, host);
    assert.match(answer.json.details.url, /public|private/, host);
  }
  assert.equal(receiver.verifications.length, 0);
});

test('a delivery: envelope, headers, and both signatures as independent libraries verify them', async (t) => {
  const world = await startOut(t);
  const receiver = await startReceiver(t);
  const hook = await world.add(`${receiver.url}?tenant=1&x=%D9%87`);
  const tier = await world.happen();
  await arrived(receiver, 1);
  const [{ headers, raw, json, url }] = receiver.deliveries;
  assert.equal(url, '/hook?tenant=1&x=%D9%87');
  assert.deepEqual(Object.keys(json), ['event', 'timestamp', 'data']);
  assert.equal(json.event, 'number.limit.updated');
  assert.deepEqual(Object.keys(json.data), ['id', 'phone_number_id', 'phone_number', 'previous', 'current', 'source', 'at']);
  assert.deepEqual([json.data.phone_number_id, json.data.phone_number, json.data.current, json.data.source],
    ['110', PHONES[0], tier, 'webhook']);
  assert.equal(headers['content-type'], 'application/json; charset=utf-8');
  assert.equal(headers['x-domain'], 'acme');
  assert.match(headers['webhook-id'], /^evt_[a-z0-9]{24}$/);
  assert.equal(headers['webhook-timestamp'], headers['x-timestamp']);
  const awal = (secret) => `sha256=${createHmac('sha256', secret)
    .update(`POST/hook?tenant=1&x=%D9%87${headers['x-timestamp']}`).update(raw).digest('hex')}`;
  assert.equal(headers['x-awal-signature-256'], awal(hook.secret));
  assert.deepEqual(new StandardWebhook(hook.secret).verify(raw.toString(), headers), json);
  assert.deepEqual(new SvixWebhook(hook.secret).verify(raw.toString(), headers), json);
  assert.throws(() => new StandardWebhook(hook.secret).verify(`${raw} `, headers));

  const before = hook.secret;
  const rotated = (await world.call('POST', `/webhooks/${hook.id}/rotate-secret`, {})).json.data;
  assert.notEqual(rotated.secret, before);
  await world.happen();
  await arrived(receiver, 2);
  const second = receiver.deliveries[1];
  for (const secret of [before, rotated.secret]) {
    new StandardWebhook(secret).verify(second.raw.toString(), second.headers);
    new SvixWebhook(secret).verify(second.raw.toString(), second.headers);
  }
  assert.equal(second.headers['webhook-signature'].split(' ').length, 2);
  assert.ok(second.headers['x-awal-signature-256-previous']);
  await world.call('POST', `/webhooks/${hook.id}/rotate-secret`, { overlap_seconds: 0 });
  await world.happen();
  await arrived(receiver, 3);
  const third = receiver.deliveries[2];
  assert.throws(() => new StandardWebhook(rotated.secret).verify(third.raw.toString(), third.headers));
  assert.equal(third.headers['x-awal-signature-256-previous'], undefined);
});

test('filters, disabling by hand, moving to another URL, deleting', async (t) => {
  const world = await startOut(t);
  const all = await startReceiver(t);
  const some = await startReceiver(t);
  const one = await world.add(all.url);
  const other = await world.add(some.url, { events: ['account.updated'] });
  const first = await world.happen();
  await metaPost(world.url, change(WABA, 'account_review_update', { decision: 'REJECTED' }));
  await arrived(all, 2);
  await arrived(some, 1);
  assert.deepEqual(some.deliveries.map((d) => d.json.event), ['account.updated']);
  assert.deepEqual(got(all).sort(), ['REJECTED', first].sort());

  assert.equal((await world.call('PATCH', `/webhooks/${one.id}`, { enabled: false })).json.data.enabled, false);
  await world.happen();
  const again = await world.call('PATCH', `/webhooks/${one.id}`, { enabled: true, events: ['number.limit.updated'] });
  assert.deepEqual([again.json.data.enabled, again.json.data.disabled_reason, again.json.data.events],
    [true, null, ['number.limit.updated']]);
  const third = await world.happen();
  await arrived(all, 3);
  assert.equal(got(all)[2], third, 'what happened while it was disabled is not for it');

  const elsewhere = await startReceiver(t);
  const refused = await world.call('PATCH', `/webhooks/${one.id}`, { url: `${elsewhere.url}x`.replace('http', 'ftp') });
  assert.equal(refused.status, 400);
  await world.call('PATCH', `/webhooks/${one.id}`, { url: elsewhere.url });
  assert.equal(elsewhere.verifications.length, 1);
  await world.happen();
  await arrived(elsewhere, 1);
  assert.equal((await world.call('DELETE', `/webhooks/${one.id}`)).status, 200);
  await world.happen();
  await sleep(300);
  assert.equal(elsewhere.deliveries.length, 1);
  assert.equal((await world.call('GET', `/webhooks/${one.id}`)).status, 404);
  assert.deepEqual((await world.call('GET', '/webhooks')).json.data.map((h) => h.id), [other.id]);
});

test('retries: the pauses of the setting, one id, every try on record, then dead', async (t) => {
  const world = await startOut(t);
  const receiver = await startReceiver(t);
  const hook = await world.add(receiver.url);
  let n = 0;
  receiver.behave = () => (++n < 3 ? { status: 500, body: `خطأ ${n} ${'x'.repeat(9000)}` } : 200);
  await world.happen();
  await arrived(receiver, 3);
  const ids = new Set(receiver.deliveries.map((d) => d.headers['webhook-id']));
  assert.equal(ids.size, 1);
  assert.equal(new Set(receiver.deliveries.map((d) => d.raw.toString())).size, 1);
  const gaps = receiver.deliveries.slice(1).map((d, i) => d.at - receiver.deliveries[i].at);
  assert.ok(gaps[0] >= 79 && gaps[1] >= 159, gaps.join());
  const [{ id }] = await eventually(async () => {
    const list = await world.deliveries(hook.id);
    return list[0].state === 'done' && list;
  });
  const shown = (await world.call('GET', `/webhooks/${hook.id}/deliveries/${id}`)).json.data;
  assert.deepEqual(shown.tries.map((one) => [one.attempt, one.status, one.error]),
    [[1, 500, 'HTTP 500'], [2, 500, 'HTTP 500'], [3, 200, null]]);
  assert.ok(shown.tries[0].answer.startsWith('خطأ 1'));
  assert.ok(Buffer.byteLength(shown.tries[0].answer) <= 4096);
  assert.deepEqual(shown.request, receiver.deliveries[0].json);

  receiver.behave = () => 503;
  await world.happen();
  const dead = await eventually(async () => {
    const [last] = await world.deliveries(hook.id);
    return last.state === 'dead' && last;
  }, { what: 'a dead delivery' });
  assert.equal(dead.attempts, 4);
  receiver.behave = () => 200;
  const before = receiver.deliveries.length;
  const replayed = await world.call('POST', `/webhooks/${hook.id}/deliveries/${dead.id}/replay`);
  assert.equal(replayed.status, 201);
  assert.equal(replayed.json.data.event_id, dead.event_id);
  await arrived(receiver, before + 1);
  assert.equal(receiver.deliveries[before].headers['webhook-id'], dead.event_id);
  const range = await world.call('POST', `/webhooks/${hook.id}/replay`, { from: '2020-01-01T00:00:00Z' });
  assert.equal(range.json.data.deliveries, 2, 'each event once');
  await arrived(receiver, before + 3);
});

test('redirects are not followed, time-outs and cuts are failures, Retry-After is honoured', async (t) => {
  const world = await startOut(t);
  const receiver = await startReceiver(t);
  const trap = await startReceiver(t);
  const hook = await world.add(receiver.url);
  // a cut of a connection that was kept would be mended by sending once more: this one is a new one
  const answers = [{ status: 302, headers: { Location: trap.url, Connection: 'close' } }, { cut: true },
    { status: 429, headers: { 'Retry-After': '1' } }, 200];
  receiver.behave = () => answers.shift();
  await world.happen();
  await arrived(receiver, 4);
  assert.equal(trap.deliveries.length, 0);
  assert.ok(receiver.deliveries[3].at - receiver.deliveries[2].at >= 990);
  const [{ id }] = await world.deliveries(hook.id);
  const errors = await eventually(async () => {
    const { tries } = (await world.call('GET', `/webhooks/${hook.id}/deliveries/${id}`)).json.data;
    return tries.length === 4 && tries.map((one) => one.error);
  });
  assert.match(errors[0], /302.*redirect/);
  assert.equal(errors[3], null);
  receiver.behave = () => ({ delay: 3000 });
  await world.happen();
  const slow = await eventually(async () => {
    const [last] = await world.deliveries(hook.id);
    return last.error && last;
  });
  assert.match(slow.error, /tim/i);
});

test('410 disables at once, days of failures too; the others are told', async (t) => {
  const world = await startOut(t, { args: ['--webhook-disable-after', '60s'] });
  const gone = await startReceiver(t);
  const failing = await startReceiver(t);
  const watcher = await startReceiver(t);
  const one = await world.add(gone.url, { events: ['number.limit.updated'] });
  const two = await world.add(failing.url, { events: ['number.limit.updated'] });
  await world.add(watcher.url, { events: ['webhook.disabled'] });
  gone.behave = () => 410;
  failing.behave = () => 500;
  await world.happen();
  await arrived(watcher, 1);
  assert.deepEqual([watcher.deliveries[0].json.data.webhook_id, watcher.deliveries[0].json.data.reason], [one.id, 'gone']);
  const shown = (await world.call('GET', `/webhooks/${one.id}`)).json.data;
  assert.deepEqual([shown.enabled, shown.disabled_reason], [false, 'gone']);
  await eventually(async () => (await world.call('GET', `/webhooks/${two.id}`)).json.data.failing_since);
  storeSql(world.data, `UPDATE webhooks SET failing_since = failing_since - 61000 WHERE id = ${two.id}`);
  await world.happen();
  await arrived(watcher, 2);
  assert.equal(watcher.deliveries[1].json.data.reason, 'failing');
  assert.match(world.server.log(), /webhook_disabled.*failing/);
  failing.behave = () => 200;
  await world.call('PATCH', `/webhooks/${two.id}`, { enabled: true });
  const last = await world.happen();
  await eventually(() => got(failing).includes(last));
});

test('a success ends the time of failures, also where it was under way when that began', async (t) => {
  const world = await startOut(t, { args: ['--webhook-retries', '1h'] });
  const receiver = await startReceiver(t);
  const hook = await world.add(receiver.url);
  receiver.behave = ({ json }) => (json.data.phone_number === PHONES[0] ? 500 : { delay: 1000 });
  const failingSince = async () => (await world.call('GET', `/webhooks/${hook.id}`)).json.data.failing_since;
  await world.happen(PHONES[1]);
  await arrived(receiver, 1);
  await world.happen(PHONES[0]);
  await eventually(failingSince, { what: 'the failure' });
  await eventually(async () => await failingSince() === null, { timeout: 5000, what: 'the success' });
});

test('in order within a number, however the first one fails; others go on', async (t) => {
  const world = await startOut(t, { args: ['--webhook-retries', '50ms,50ms,50ms,50ms,50ms'] });
  const receiver = await startReceiver(t);
  await world.add(receiver.url);
  const fails = new Map();
  receiver.behave = ({ json }) => {
    const key = json.data.current;
    fails.set(key, (fails.get(key) ?? 0) + 1);
    return json.data.phone_number === PHONES[0] && fails.get(key) < 3 ? 500 : { delay: Math.random() * 20 };
  };
  const expected = new Map(PHONES.map((phone) => [phone, []]));
  for (let i = 0; i < 5; i++) {
    for (const phone of PHONES) expected.get(phone).push(await world.happen(phone));
  }
  const good = () => receiver.deliveries.filter(({ json }) =>
    json.data.phone_number !== PHONES[0] || fails.get(json.data.current) >= 3);
  await eventually(() => new Set(receiver.deliveries.map((d) => d.json.data.current)).size === 40 &&
    [...expected.get(PHONES[0])].every((tier) => fails.get(tier) >= 3), { timeout: 30000 });
  for (const phone of PHONES) {
    const seen = [...new Set(good().filter((d) => d.json.data.phone_number === phone).map((d) => d.json.data.current))];
    assert.deepEqual(seen, expected.get(phone), phone);
  }
});

test('a moment of weakness is one failure, however many deliveries it meets', async (t) => {
  const world = await startOut(t, { args: ['--webhook-retries', '1h'] });
  const receiver = await startReceiver(t);
  await world.add(receiver.url);
  for (let i = 0; i < 12; i++) { // it answers well: many go at once
    await world.happen();
    await arrived(receiver, i + 1);
  }
  receiver.behave = () => ({ status: 500, delay: 1500 });
  await Promise.all(PHONES.map((phone) => world.happen(phone)));
  await arrived(receiver, 12 + PHONES.length);
  await sleep(2000);
  receiver.behave = () => 200;
  const began = Date.now();
  await metaPost(world.url, change(WABA, 'account_review_update', { decision: 'APPROVED' }));
  await arrived(receiver, 13 + PHONES.length, 60000);
  assert.ok(Date.now() - began < 3000, `${Date.now() - began} ms`);
});

test('a slow and a dead webhook do not delay another', async (t) => {
  const world = await startOut(t, { args: ['--webhook-retries', '1h'] });
  const slow = await startReceiver(t);
  const dead = await startReceiver(t);
  const live = await startReceiver(t);
  slow.behave = () => ({ delay: 1500 });
  for (const receiver of [slow, dead, live]) await world.add(receiver.url);
  await dead.stop();
  const times = [];
  for (let i = 0; i < 40; i++) {
    const began = Date.now();
    await world.happen(PHONES[i % PHONES.length]);
    await arrived(live, i + 1, 2000);
    times.push(Date.now() - began);
  }
  times.sort((a, b) => a - b);
  assert.ok(times[37] < 1000, `p95 ${times[37]} ms`);
});

test('many that hang delay nobody, neither when they begin to nor after a start', async (t) => {
  const world = await startOut(t, { args: ['--webhook-retries', '1h', '--webhook-timeout', '30s'] });
  const live = await startReceiver(t);
  const hanging = await startReceiver(t);
  hanging.behave = () => ({ hang: true });
  const hook = await world.add(live.url);
  for (let i = 0; i < 300; i += 20)
    await Promise.all(Array.from({ length: 20 }, (_, k) => world.add(`${hanging.url}/${i + k}`)));
  await world.happen(PHONES[0]);
  await arrived(hanging, 200);
  await sleep(1500); // they are known to be slow
  await world.happen(PHONES[1]);
  await arrived(live, 2, 3000);
  await world.server.kill9();
  storeSql(world.data, `UPDATE webhooks SET failing_since = created_at WHERE id <> ${hook.id}`);
  await world.restart();
  await sleep(1500);
  await world.happen(PHONES[2]);
  await arrived(live, 3, 3000);
});

test('what a person asks for is sent before what waits, and ends a rest', async (t) => {
  const world = await startOut(t, { args: ['--webhook-retries', Array(30).fill('200ms').join()] });
  const receiver = await startReceiver(t);
  const hook = await world.add(receiver.url);
  receiver.behave = () => 500;
  for (const phone of PHONES) await world.happen(phone);
  await sleep(5000); // it rests for seconds now
  receiver.behave = () => 200;
  const before = receiver.deliveries.length;
  await world.call('POST', `/webhooks/${hook.id}/test`);
  const place = () => receiver.deliveries.slice(before).findIndex(({ json }) => json.event === 'webhook.test');
  await eventually(() => place() >= 0, { timeout: 3000, what: 'the test' });
  assert.ok(place() < 2, `${place()} others came first`); // one may have been under way
});

test('at a new URL a webhook begins anew, whatever the old one still says', async (t) => {
  const world = await startOut(t, { args: ['--webhook-retries', '1h'] });
  const old = await startReceiver(t);
  const moved = await startReceiver(t);
  const hook = await world.add(old.url);
  const shown = async () => (await world.call('GET', `/webhooks/${hook.id}`)).json.data;
  old.behave = () => 500;
  await world.happen(PHONES[0]);
  await eventually(async () => (await shown()).failing_since, { what: 'the failure' });
  old.behave = () => ({ status: 410, delay: 1000 });
  await world.happen(PHONES[1]);
  await arrived(old, 2);
  assert.equal((await world.call('PATCH', `/webhooks/${hook.id}`, { url: moved.url })).status, 200);
  assert.equal((await shown()).failing_since, null);
  await eventually(async () => (await world.deliveries(hook.id)).some((d) => d.state === 'dead'), { what: 'the 410' });
  assert.deepEqual([(await shown()).enabled, (await shown()).failing_since], [true, null]);
  await world.call('PATCH', `/webhooks/${hook.id}`, { url: moved.url, events: ['*'] });
  const tier = await world.happen(PHONES[2]);
  await eventually(() => got(moved).includes(tier));
});

test('a test event; after a stop and after a kill what waits is delivered', async (t) => {
  const world = await startOut(t);
  const receiver = await startReceiver(t);
  const hook = await world.add(receiver.url, { events: ['account.updated'] });
  const sent = await world.call('POST', `/webhooks/${hook.id}/test`);
  assert.equal(sent.status, 201, sent.text);
  await arrived(receiver, 1);
  assert.equal(receiver.deliveries[0].json.event, 'webhook.test');
  assert.match(receiver.deliveries[0].json.data.message, /مرحبا/);

  receiver.behave = () => ({ delay: 700 });
  await metaPost(world.url, change(WABA, 'account_review_update', { decision: 'PENDING' }));
  await arrived(receiver, 2);
  await world.server.kill9();
  receiver.behave = () => 200;
  await world.restart();
  await arrived(receiver, 3);
  assert.equal(receiver.deliveries[2].headers['webhook-id'], receiver.deliveries[1].headers['webhook-id']);
});

test('a secret is shown once: what is kept of the answer has it not', async (t) => {
  const world = await startOut(t, { link: false });
  const receiver = await startReceiver(t);
  const body = { url: receiver.url, events: ['*'] };
  const key = { 'Idempotency-Key': 'once-1' };
  const first = await world.call('POST', '/webhooks', body, key);
  const again = await world.call('POST', '/webhooks', body, key);
  assert.equal(again.headers.get('idempotent-replayed'), 'true');
  assert.equal(again.json.data.id, first.json.data.id);
  assert.match(again.json.data.secret, /^\*+$/);
  assert.equal(receiver.verifications.length, 1);
  const rotated = await world.call('POST', `/webhooks/${first.json.data.id}/rotate-secret`, {}, { 'Idempotency-Key': 'r' });
  const dump = storeSql(world.data, 'SELECT body FROM idempotency', { readOnly: true });
  for (const answer of [first, rotated]) assert.ok(!dump.includes(answer.json.data.secret));
});

test('clients that may read only, or are limited to some numbers, make none', async (t) => {
  const world = await startOut(t);
  const { json } = await (await import('./lib/wire.mjs')).admin(world.data, 'POST', '/workspaces/acme/clients',
    { name: 'limited', numbers: ['110'] });
  const { call } = await import('./lib/hudhud.mjs');
  const creds = { domain: 'acme', clientId: json.data.client_id, secret: json.data.hmac_secret };
  assert.equal((await call(world.url, 'GET', '/webhooks', creds)).status, 403);
  assert.equal((await call(world.url, 'POST', '/webhooks', creds,
    { body: JSON.stringify({ url: 'https://example.com/', events: ['*'] }) })).status, 403);
});

test('an endpoint that answers without end, or never, holds nobody up', async (t) => {
  const world = await startOut(t);
  const endless = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (d) => {
      const challenge = /"challenge":"([a-z0-9]+)"/.exec(d)?.[1];
      if (challenge) {
        const body = JSON.stringify({ challenge });
        socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
        return;
      }
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n');
      const timer = setInterval(() => socket.write('x'.repeat(65536)), 1);
      socket.on('close', () => clearInterval(timer));
    });
  });
  await new Promise((resolve) => endless.listen(0, '127.0.0.1', resolve));
  t.after(() => endless.close());
  const hook = await world.add(`http://127.0.0.1:${endless.address().port}/`);
  await world.happen();
  const done = await eventually(async () => {
    const [last] = await world.deliveries(hook.id);
    return last?.state === 'done' && last;
  });
  assert.equal(done.attempts, 1);
});
