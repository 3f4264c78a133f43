// Meta's webhooks (meta-graph.md §6): who may send them, that they are kept whole, what is applied,
// and that neither duplicates nor disorder change anything.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { storeSql } from './lib/hudhud.mjs';
import { APP, addApp, change, hubSignature, metaJson, metaPost } from './lib/meta.mjs';
import { admin } from './lib/wire.mjs';
import { eventually, scenarioOf, sleep, startWorld } from './lib/world.mjs';

const WABA = '900';
const PHONE = '966500001000';
const SIM = scenarioOf([{ id: '111' }, { id: '112' }], { waba: WABA });

async function startMeta(t, options = {}) {
  const world = await startWorld(t, { sim: { scenario: SIM }, ...options });
  await addApp(world.data);
  world.post = (body, how) => metaPost(world.url, body, how);
  world.send = async (field, value, time) => {
    const answer = await world.post(change(WABA, field, value, time));
    assert.equal(answer.status, 200, answer.text);
    return answer.json.data;
  };
  world.number = async () => (await world.call('GET', '/waba-numbers/111')).json.data;
  world.history = async () => (await world.call('GET', '/waba-numbers/111/history?limit=100')).json.data;
  world.kept = async (query = '') => (await admin(world.data, 'GET', `/inbound${query}`)).json.data;
  return world;
}

test('the subscription challenge: the right token alone, and its bytes as they are', async (t) => {
  const world = await startMeta(t, { link: false });
  const ask = async (query, where = '') => {
    const answer = await fetch(`${world.url}/webhooks/meta${where}?${query}`);
    return { status: answer.status, text: await answer.text(), type: answer.headers.get('content-type') };
  };
  const good = await ask(`hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=${APP.verify_token}`);
  assert.deepEqual(good, { status: 200, text: '1158201444', type: 'text/plain; charset=utf-8' });
  for (const query of ['hub.mode=subscribe&hub.challenge=1&hub.verify_token=other',
    `hub.mode=subscribe&hub.challenge=1&hub.verify_token=${APP.verify_token}x`]) {
    assert.equal((await ask(query)).status, 401);
  }
  for (const query of ['', 'hub.mode=subscribe', `hub.mode=unsubscribe&hub.challenge=1&hub.verify_token=${APP.verify_token}`]) {
    assert.equal((await ask(query)).status, 400, query);
  }
  assert.equal((await ask(`hub.mode=subscribe&hub.challenge=1&hub.verify_token=${APP.verify_token}`, '/acme')).status, 401);
});

test('no secret, no entry: nothing is taken before an app is known', async (t) => {
  const world = await startWorld(t, { sim: { scenario: SIM }, link: false });
  const body = change(WABA, 'security', {});
  for (const secret of ['', 'x', APP.secret]) {
    assert.equal((await metaPost(world.url, body, { secret })).status, 401);
  }
  assert.equal(storeSql(world.data, 'SELECT count(*) FROM inbound', { readOnly: true }), '0');
});

test('the signature: over the raw bytes, of the right app, whole', async (t) => {
  const world = await startMeta(t, { link: false });
  const raw = metaJson(change(WABA, 'security', { note: 'هدهد' }));
  assert.match(raw, /\\u0647/);
  const good = hubSignature(raw, APP.secret);
  const cases = {
    none: null,
    'another secret': hubSignature(raw, 'other'),
    're-serialised': hubSignature(JSON.stringify(JSON.parse(raw)), APP.secret),
    'upper case': good.toUpperCase(),
    'cut short': good.slice(0, -1),
    'of sha1': good.replace('sha256=', 'sha1='),
    'one bit off': good.slice(0, -1) + (good.endsWith('0') ? '1' : '0'),
  };
  for (const [name, signature] of Object.entries(cases)) {
    const answer = await world.post(raw, { signature });
    assert.equal(answer.status, 401, name);
    assert.equal(answer.json.error, 'authentication_failed');
  }
  assert.equal(storeSql(world.data, 'SELECT count(*) FROM inbound', { readOnly: true }), '0');
  assert.equal((await world.post(raw, { signature: good })).status, 200);
  assert.match(world.server.log(), /meta_webhook_refused/);
});

test('the log has each reason for a refusal, once in a while', async (t) => {
  const world = await startMeta(t, { link: false, args: ['--threads', '1'] });
  const wrongToken = () => fetch(`${world.url}/webhooks/meta?hub.mode=subscribe&hub.challenge=1&hub.verify_token=x`);
  for (let i = 0; i < 3; i++) {
    assert.equal((await wrongToken()).status, 401);
    assert.equal((await world.post('{}', { secret: 'other' })).status, 401);
  }
  const refused = world.server.log().split('\n').filter((line) => line.includes('meta_webhook_refused'));
  const of = (why) => refused.filter((line) => line.includes(why)).length;
  assert.deepEqual([of('the verify token is no app'), of('the signature is no app'), refused.length], [1, 1, 2],
    refused.join('\n'));
});

test('several apps, a secret in rotation, a removed app, and an app of one workspace', async (t) => {
  const world = await startMeta(t);
  const apps = (method, where, body) => admin(world.data, method, `/apps${where}`, body);
  await addApp(world.data, { app_id: '2', secret: 'second', verify_token: 'b', workspace: 'acme' });
  const twin = await apps('POST', '', { app_id: '2', secret: 'x', verify_token: 'y' });
  assert.equal(twin.status, 409);
  const at = (n) => change(WABA, 'account_alerts', { entity_id: String(n), alert_info: { alert_type: 'T' } });
  assert.equal((await world.post(at(1), { secret: 'second' })).status, 401, 'not at the shared address');
  assert.equal((await world.post(at(1), { secret: 'second', path: '/acme' })).status, 200);
  assert.equal((await world.post(at(2), { path: '/acme' })).status, 401, 'nor the shared app at this one');
  assert.equal((await world.post(at(2), { secret: 'second', path: '/nobody' })).status, 401);

  const rotated = await apps('PATCH', `/${APP.app_id}`, { secret: 'newer', overlap_seconds: 3600 });
  assert.equal(rotated.status, 200, rotated.text);
  assert.equal((await world.post(at(3), { secret: 'newer' })).status, 200);
  assert.equal((await world.post(at(4))).status, 200, 'the old one, while they overlap');
  await apps('PATCH', `/${APP.app_id}`, { secret: 'newest' });
  assert.equal((await world.post(at(5), { secret: 'newer' })).status, 401, 'no overlap was asked for');
  assert.equal((await world.post(at(5), { secret: 'newest' })).status, 200);

  assert.doesNotMatch((await apps('GET', '')).text, /newest|second|hoopoe/);
  assert.equal((await apps('DELETE', `/${APP.app_id}`)).status, 200);
  assert.equal((await world.post(at(6), { secret: 'newest' })).status, 401);
  assert.equal((await apps('DELETE', '/77')).status, 404);
  const listed = await world.kept();
  assert.ok(listed.every((one) => [null, '2'].includes(one.app_id)), 'what came from it stays');
});

test('an app of one workspace does not speak of another\'s accounts', async (t) => {
  const world = await startMeta(t);
  await admin(world.data, 'POST', '/workspaces', { domain: 'other', name: 'Other' });
  await addApp(world.data, { app_id: '3', secret: 'third', verify_token: 'c', workspace: 'other' });
  const body = change(WABA, 'phone_number_quality_update',
    { display_phone_number: PHONE, event: 'DOWNGRADE', current_limit: 'TIER_50' });
  const answer = await world.post(body, { secret: 'third', path: '/other' });
  assert.equal(answer.status, 200);
  assert.equal(answer.json.data.unapplied, 1);
  assert.notEqual((await world.number()).health.messaging_limit, 'TIER_50');
  const [kept] = await world.kept('?state=kept');
  assert.equal(kept.workspace, 'other');
  assert.match(kept.reasons[0].reason, /no such account/);
});

test('number fields: applied at once, with history, and Meta is asked for the rest', async (t) => {
  const world = await startMeta(t, { args: ['--sync-interval', '24h'] });
  await world.sim.control('PATCH', '/numbers/111', { quality_rating: 'RED', status: 'FLAGGED' });
  const before = Date.now();
  const taken = await world.send('phone_number_quality_update',
    { display_phone_number: PHONE, event: 'FLAGGED', current_limit: 'TIER_10K' });
  assert.deepEqual({ ...taken, id: 0 }, { id: 0, known: false, changes: 1, unapplied: 0 });
  let number = await world.number();
  assert.equal(number.health.meta_status, 'FLAGGED');
  assert.equal(number.status, 'CONNECTED', 'messages still flow');
  // the rating is in no webhook: the sync that it causes brings it
  number = await eventually(async () => {
    const now = await world.number();
    return now.quality_rating === 'RED' && now;
  }, { timeout: 5000, what: 'quality RED' });
  assert.ok(Date.now() - before < 3000, 'true within moments');
  const history = await world.history();
  const rows = history.map(({ field, from, to, source }) => [field, from, to, source]);
  assert.ok(rows.some((r) => r.join() === 'meta_status,CONNECTED,FLAGGED,webhook'), JSON.stringify(rows));
  assert.ok(rows.some((r) => r.join() === 'quality_rating,GREEN,RED,webhook'), JSON.stringify(rows));
});

test('names: an approved one is the name, a refused one is told', async (t) => {
  const world = await startMeta(t, { args: ['--sync-interval', '24h'] });
  await world.sim.control('PATCH', '/numbers/111', { verified_name: 'متجر النخيل' });
  await world.send('phone_number_name_update', { display_phone_number: '+966 50 000 1000',
    decision: 'APPROVED', requested_verified_name: 'متجر النخيل', rejection_reason: null });
  assert.equal((await world.number()).verified_name, 'متجر النخيل');
  await world.send('phone_number_name_update', { display_phone_number: PHONE, decision: 'REJECTED',
    requested_verified_name: 'أفضل متجر', rejection_reason: 'NAME_FORMAT_UNACCEPTABLE' });
  assert.equal((await world.number()).verified_name, 'متجر النخيل');
  const [last] = (await world.history()).filter((row) => row.field === 'name_decision');
  assert.deepEqual([last.from, last.to, last.source], ['APPROVED', 'REJECTED', 'webhook']);

  const shown = async (id, ...more) => (await world.cli(['number', 'show', '--domain', 'acme', id, ...more])).stdout;
  assert.match(await shown('111'),
    /\n\nname asked for +أفضل متجر\nMeta decided +REJECTED\nbecause of +NAME_FORMAT_UNACCEPTABLE\n/);
  assert.deepEqual(JSON.parse(await shown('111', '--json')).name_request,
    { name: 'أفضل متجر', decision: 'REJECTED', reason: 'NAME_FORMAT_UNACCEPTABLE' });
  assert.doesNotMatch(await shown('112'), /asked for/, 'none was asked for');
  assert.equal(JSON.parse(await shown('112', '--json')).name_request, null);
  assert.equal('name_request' in await world.number(), false, 'the row of the API is what it is');
});

test('the same once more, and late: nothing changes', async (t) => {
  const world = await startMeta(t, { args: ['--sync-interval', '24h'] });
  const now = Math.floor(Date.now() / 1000) - 1000;
  const limit = (tier, time) => world.send('phone_number_quality_update',
    { display_phone_number: PHONE, event: 'UPGRADE', current_limit: tier }, time);
  await world.sim.control('PATCH', '/numbers/111', { whatsapp_business_manager_messaging_limit: 'TIER_100K' });
  const first = await limit('TIER_10K', now);
  await limit('TIER_100K', now + 10);
  const history = (await world.history()).length;
  const again = await limit('TIER_10K', now);
  assert.equal(again.known, true);
  assert.equal(again.id, first.id);
  const late = await world.post({ object: 'whatsapp_business_account', entry: [{ id: WABA, time: now + 5,
    changes: [{ field: 'phone_number_quality_update',
      value: { display_phone_number: PHONE, event: 'DOWNGRADE', current_limit: 'TIER_50' } }] }] });
  assert.equal(late.json.data.unapplied, 0);
  assert.equal((await world.number()).health.messaging_limit, 'TIER_100K');
  const rows = (await world.history()).slice(0, (await world.history()).length - history);
  assert.deepEqual(rows.filter((r) => r.field === 'messaging_limit'), []);
  const shown = (await admin(world.data, 'GET', `/inbound/${first.id}`)).json.data;
  assert.equal(shown.arrivals, 2);
});

test('what cannot be applied is kept with its reason, and applied once it can be', async (t) => {
  const world = await startMeta(t, { link: false, args: ['--sync-interval', '24h'] });
  const value = { display_phone_number: PHONE, event: 'DOWNGRADE', current_limit: 'TIER_2K' };
  const raw = metaJson({ object: 'whatsapp_business_account', entry: [
    { id: WABA, time: Math.floor(Date.now() / 1000), changes: [{ field: 'phone_number_quality_update', value },
      { field: 'a_field_of_tomorrow', value: { name: 'غد' } }, { field: 'messages', value: {} }] }] });
  const { json } = await world.post(raw);
  assert.deepEqual([json.data.changes, json.data.unapplied], [3, 3]);
  await world.sim.control('PATCH', '/numbers/111', { whatsapp_business_manager_messaging_limit: 'TIER_2K' });
  await world.link();
  const again = await admin(world.data, 'POST', `/inbound/${json.data.id}/reapply`);
  assert.deepEqual([again.json.data.state, again.json.data.unapplied], ['kept', 2], again.text);
  const shown = (await admin(world.data, 'GET', `/inbound/${json.data.id}`)).json.data;
  assert.deepEqual(shown.body, JSON.parse(raw));
  assert.equal(shown.sha256, createHash('sha256').update(raw).digest('hex'));
  assert.deepEqual(shown.reasons.map((r) => r.field), ['a_field_of_tomorrow', 'messages']);
  assert.equal(shown.state, 'kept');
  assert.equal((await admin(world.data, 'GET', '/inbound/999')).status, 404);
});

test('what is signed and no webhook at all is kept too, and answered 200', async (t) => {
  const world = await startMeta(t, { link: false });
  const bodies = ['', '{', 'null', '[]', '{"object":"page","entry":[]}', '{"entry":{}}', '\u0000',
    Buffer.from([0xff, 0xfe, 0x00]), '{"entry":[{"id":{},"changes":[{"field":7,"value":"x"}]}]}',
    '{"entry":[{"id":"900","changes":"no"}]}', `${'['.repeat(5000)}`];
  for (const body of bodies) assert.equal((await world.post(body)).status, 200, String(body));
  const kept = await world.kept('?limit=100');
  assert.equal(kept.length, bodies.length);
  for (const one of kept) assert.equal((await admin(world.data, 'GET', `/inbound/${one.id}`)).status, 200);
});

test('bodies up to 3 MB and 1,000 changes; beyond them 413, or kept whole', async (t) => {
  const world = await startMeta(t);
  const many = (n) => ({ object: 'whatsapp_business_account', entry: [{ id: WABA, time: 1700000000,
    changes: Array.from({ length: n }, (_, i) => ({ field: 'account_alerts',
      value: { entity_id: String(i), alert_info: { alert_type: 'OBA_APPROVED', alert_description: 'x' } } })) }] });
  const thousand = await world.post(many(1000));
  assert.deepEqual([thousand.status, thousand.json.data.changes, thousand.json.data.unapplied], [200, 1000, 0]);
  assert.equal(storeSql(world.data, 'SELECT count(*) FROM account_facts', { readOnly: true }), '1000');
  const more = await world.post(many(1001));
  assert.deepEqual([more.status, more.json.data.unapplied], [200, 1001]);
  const fill = (size) => {
    const text = metaJson(change(WABA, 'unknown_field', { fill: '' }));
    return text.replace('"fill":""', `"fill":"${'x'.repeat(size - text.length)}"`);
  };
  const largest = fill(3 * 1024 * 1024);
  assert.equal(Buffer.byteLength(largest), 3 * 1024 * 1024);
  assert.equal((await world.post(largest)).status, 200);
  assert.equal((await world.post(`${largest} `)).status, 413);
});

test('templates and accounts: rows, history and events of every field', async (t) => {
  const world = await startMeta(t, { args: ['--sync-interval', '24h'] });
  const template = { message_template_id: 7001002003004005, message_template_name: 'طلبك_جاهز',
    message_template_language: 'ar' };
  await world.send('message_template_status_update', { ...template, event: 'APPROVED', reason: 'NONE',
    message_template_category: 'UTILITY' });
  await world.send('message_template_status_update', { ...template, event: 'PAUSED', reason: null,
    other_info: { title: 'FIRST_PAUSE', description: '3 hours' } });
  await world.send('message_template_quality_update', { ...template, previous_quality_score: 'GREEN',
    new_quality_score: 'YELLOW' });
  await world.send('template_category_update', { ...template, previous_category: 'UTILITY',
    new_category: 'MARKETING' });
  await world.send('message_template_components_update', { ...template, message_template_element: 'طلب {{1}}' });
  await world.send('account_update', { event: 'ACCOUNT_RESTRICTION',
    restriction_info: [{ restriction_type: 'RESTRICTED_BIZ_INITIATED_MESSAGING', expiration: 1767830400 }] });
  await world.send('account_update', { event: 'DISABLED_UPDATE',
    ban_info: { waba_ban_state: 'SCHEDULE_FOR_DISABLE', waba_ban_date: 'January 1, 2026' } });
  await world.send('account_review_update', { decision: 'APPROVED' });
  await world.send('security', { display_phone_number: PHONE, event: 'PIN_CHANGED', requester: '1' });
  await world.send('business_capability_update', { max_daily_conversations_per_business: 2000,
    max_phone_numbers_per_waba: 25 });
  const rows = storeSql(world.data, 'SELECT status, category, quality, name FROM templates', { readOnly: true });
  assert.equal(rows, 'PAUSED|MARKETING|YELLOW|طلبك_جاهز');
  assert.equal((await world.number()).health.messaging_limit, 'TIER_2K');
  const events = storeSql(world.data, 'SELECT body FROM events ORDER BY id', { readOnly: true })
    .split('\n').map((line) => JSON.parse(line));
  const told = events.map((e) => [e.event, e.data.previous, e.data.current].join(' '));
  for (const one of ['template.status.updated  APPROVED', 'template.status.updated APPROVED PAUSED',
    'template.quality.updated GREEN YELLOW', 'template.category.updated UTILITY MARKETING',
    'account.updated  RESTRICTED_BIZ_INITIATED_MESSAGING until 2026-01-08T00:00:00Z',
    'account.updated  SCHEDULE_FOR_DISABLE, January 1, 2026', 'account.updated  APPROVED']) {
    assert.ok(told.includes(one), `${one} in\n${told.join('\n')}`);
  }
  assert.ok(told.some((one) => /^account.updated {2}PIN_CHANGED \d{4}-/.test(one)));
  assert.ok(told.some((one) => /^number.limit.updated .*TIER_2K$/.test(one)));
  assert.equal(events.find((e) => e.data.current === 'PAUSED').data.reason, 'FIRST_PAUSE');
  assert.ok((await world.history()).some((row) => row.field === 'security' && row.to === 'PIN_CHANGED'));
});

test('what a sync finds out is told as well: a token that Meta refuses', async (t) => {
  const world = await startMeta(t, { args: ['--sync-interval', '24h'] });
  await world.sim.control('PATCH', `/tokens/${SIM.tokens[0].token}`, { expired: true });
  await world.send('account_review_update', { decision: 'REJECTED' });
  await eventually(async () => (await world.number()).status === 'DISCONNECTED', { timeout: 5000 });
  const told = storeSql(world.data, "SELECT body FROM events WHERE name = 'account.updated' ORDER BY id", { readOnly: true })
    .split('\n').map((line) => JSON.parse(line).data);
  assert.deepEqual(told.map(({ field, current, source }) => [field, current, source]),
    [['review', 'REJECTED', 'webhook'], ['state', 'token_refused', 'webhook']]);
  const facts = (await admin(world.data, 'GET', `/accounts/${WABA}/facts`)).json.data;
  assert.deepEqual(facts.map((f) => [f.field, f.value]), [['review', 'REJECTED'], ['state', 'token_refused']]);
  const history = (await admin(world.data, 'GET', `/accounts/${WABA}/history`)).json.data;
  assert.deepEqual(history.map(({ id, field }) => [id, field]), [[2, 'state'], [1, 'review']]);
});

test('many hints are few questions, and the last one is answered', async (t) => {
  const world = await startMeta(t, { args: ['--sync-interval', '24h'] });
  await world.sim.control('DELETE', '/requests');
  for (let i = 0; i < 60; i++) {
    await world.send('message_template_status_update', { event: i % 2 ? 'PAUSED' : 'APPROVED',
      message_template_id: 1000 + i, message_template_name: `t${i}`, message_template_language: 'ar' });
  }
  await world.sim.control('PATCH', '/numbers/112', { quality_rating: 'YELLOW' });
  await world.send('account_review_update', { decision: 'APPROVED' });
  await eventually(() => storeSql(world.data, 'SELECT count(*) FROM accounts WHERE hints <> hints_answered',
    { readOnly: true }) === '0', { timeout: 15000 });
  const { data } = (await world.call('GET', '/waba-numbers/112')).json;
  assert.equal(data.quality_rating, 'YELLOW');
  const asked = (await world.sim.control('GET', '/requests')).data.filter((r) => r.path.endsWith('/phone_numbers'));
  assert.ok(asked.length >= 1 && asked.length <= 6, `${asked.length} questions for 61 hints`);
});

test('however many hints there were, the next one is answered within a second', async (t) => {
  const world = await startMeta(t, { args: ['--sync-interval', '24h'] });
  const rated = async () => (await world.call('GET', '/waba-numbers/112')).json.data.quality_rating;
  for (let i = 0; i < 8; i++) { // so far apart that each is asked about
    const rating = i % 2 ? 'GREEN' : 'RED';
    await world.sim.control('PATCH', '/numbers/112', { quality_rating: rating });
    const from = Date.now();
    await world.send('account_review_update', { decision: `D${i}` });
    await eventually(async () => await rated() === rating, { timeout: 10000, pause: 10 });
    assert.ok(process.env.HUDHUD_SANITIZED || Date.now() - from < 1500, `known ${Date.now() - from} ms after hint ${i}`);
    await sleep(600);
  }
});

test('with the simulator as Meta: subscribed by itself, and true within a second', async (t) => {
  const world = await startMeta(t, { args: ['--sync-interval', '24h'] });
  const secret = SIM.app.secret;
  await admin(world.data, 'PATCH', `/apps/${APP.app_id}`, { secret });
  const { id } = SIM.app;
  const subscribe = (token) => fetch(`${world.sim.url}/v25.0/${id}/subscriptions?${new URLSearchParams({
    object: 'whatsapp_business_account', callback_url: `${world.url}/webhooks/meta`, verify_token: token,
    fields: 'phone_number_quality_update,phone_number_name_update,account_review_update,message_template_status_update',
    access_token: `${id}|${secret}` })}`, { method: 'POST' });
  assert.notEqual((await subscribe('wrong')).status, 200);
  assert.equal((await subscribe(APP.verify_token)).status, 200);
  const began = Date.now();
  await world.sim.control('PATCH', '/numbers/111', { quality_rating: 'RED', status: 'FLAGGED', verified_name: 'سوق الهدهد' });
  await eventually(async () => {
    const number = await world.number();
    return number.quality_rating === 'RED' && number.health.meta_status === 'FLAGGED' && number.verified_name === 'سوق الهدهد';
  }, { pause: 10 });
  const took = Date.now() - began;
  assert.ok(took < 3000, `${took} ms`);
  t.diagnostic(`true after ${took} ms`);
  assert.ok((await world.kept()).every((one) => one.state === 'applied'));
});

test('of partners Meta tells under the portfolio, and the account is in the value', async (t) => {
  const scenario = structuredClone(SIM);
  scenario.accounts[0].owner_business_info = { id: '555' };
  scenario.accounts[0].subscribed = true;
  const world = await startMeta(t, { sim: { scenario }, args: ['--sync-interval', '24h'] });
  await admin(world.data, 'PATCH', `/apps/${APP.app_id}`, { secret: SIM.app.secret });
  for (const example of ['partner_added', 'partner_removed']) {
    await world.sim.control('POST', '/webhooks', { example: `account_update/${example}`,
      url: `${world.url}/webhooks/meta` });
    await eventually(async () => storeSql(world.data, `SELECT count(*) FROM account_facts WHERE field = '${example}'`,
      { readOnly: true }) === '1', { timeout: 5000, what: example });
  }
  const [removed, added] = await world.kept();
  for (const one of [removed, added]) assert.deepEqual([one.state, one.unapplied], ['applied', 0]);
  const { body } = (await admin(world.data, 'GET', `/inbound/${added.id}`)).json.data;
  assert.equal(body.entry[0].id, '555');
  const events = storeSql(world.data, "SELECT body FROM events WHERE name = 'account.updated' ORDER BY id", { readOnly: true })
    .split('\n').map((line) => JSON.parse(line).data);
  assert.deepEqual(events.map((e) => [e.waba_id, e.field, e.webhook_event]),
    [[WABA, 'partner_added', 'PARTNER_ADDED'], [WABA, 'partner_removed', 'PARTNER_REMOVED']]);
});

// The spec's own examples, where they are at hand; those of the project are above.
const spec = path.resolve(import.meta.dirname, '../../../shared/spec');
test('every example of the spec is taken with 200 and kept whole', { skip: !existsSync(spec) && 'no spec beside the tree' },
  async (t) => {
    const scenario = scenarioOf([{ id: '100200300400500', display_phone_number: '+966 50 000 0001' }],
      { waba: '500100200300400' });
    const world = await startMeta(t, { sim: { scenario }, args: ['--sync-interval', '24h'] });
    await world.sim.stop(); // what it says is newer than the examples, and would undo them
    const fields = JSON.parse(readFileSync(path.join(spec, 'meta-webhook-fields.json')));
    const fixtures = readdirSync(path.join(spec, 'meta-fixtures')).filter((f) => f.startsWith('yaml-webhook-'));
    assert.ok(fields.length >= 20 && fixtures.length >= 15);
    const bodies = [...fields.map((one) => metaJson(one.payload)),
      ...fixtures.map((f) => readFileSync(path.join(spec, 'meta-fixtures', f), 'utf8'))];
    for (const body of bodies) {
      const { status, json, text } = await world.post(body);
      assert.equal(status, 200, text);
      const shown = (await admin(world.data, 'GET', `/inbound/${json.data.id}`)).json.data;
      assert.equal(shown.sha256, createHash('sha256').update(body).digest('hex'));
      assert.deepEqual(shown.body, JSON.parse(body));
    }
    const kept = await world.kept('?state=kept&limit=100');
    const reasons = new Set(kept.flatMap((one) => one.reasons.map((r) => r.field)));
    for (const field of reasons) assert.ok(!/^(phone_number|message_template|template_|account_|security)/.test(field), field);
    const rows = (await world.call('GET', '/waba-numbers/100200300400500/history?limit=100')).json.data;
    const got = (field, to) => rows.some((r) => r.field === field && r.to === to && r.source === 'webhook');
    for (const [field, to] of [['messaging_limit', 'TIER_UNLIMITED'], ['throughput', 'HIGH'], ['meta_status', 'FLAGGED'],
      ['messaging_limit', 'TIER_2K'], ['verified_name', 'Palm Grove Books'], ['name_decision', 'REJECTED'],
      ['security', 'PIN_CHANGED'], ['meta_status', 'CONNECTED']]) {
      assert.ok(got(field, to), `${field} ${to}: ${JSON.stringify(rows)}`);
    }
  });
