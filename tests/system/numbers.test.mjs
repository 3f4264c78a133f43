// developer-api.md §2: the numbers resource, against the simulator.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually, scenarioOf, startWorld } from './lib/world.mjs';

const LISTED = ['id', 'phone_number', 'phone_number_id', 'verified_name', 'quality_rating', 'status',
  'message_template_count', 'created_at', 'updated_at'];
const HEALTH = ['meta_status', 'name_status', 'code_verification_status', 'throughput',
  'messaging_limit', 'platform_type', 'is_official_business_account', 'can_send_message', 'reasons',
  'previous_quality_rating', 'quality_changed_at', 'confirmed_at', 'stale'];
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

test('no numbers: 404, as the contract says', async (t) => {
  const world = await startWorld(t, { link: false });
  const answer = await world.call('GET', '/waba-numbers');
  assert.equal(answer.status, 404);
  assert.equal(answer.json.error, 'resource_not_found');
  assert.equal(answer.json.message, 'No connected numbers');
  assert.equal(answer.json.request_id, answer.headers.get('x-request-id'));
});

test('the list has the exact shape, and says what Meta says', async (t) => {
  const world = await startWorld(t);
  const { status, json, headers, text } = await world.call('GET', '/waba-numbers');
  assert.equal(status, 200);
  assert.equal(headers.get('content-type'), 'application/json; charset=utf-8');
  assert.equal(headers.get('x-api-version'), 'v1');
  assert.match(headers.get('x-request-id'), /^req_[a-z0-9]{20,}$/);
  assert.ok(text.startsWith('{"status":true,"data":[{"id":1,"phone_number":'));
  const [account] = (await world.sim.scenario()).accounts;
  const approved = account.templates.filter((one) => one.status === 'APPROVED').length;
  assert.ok(approved > 0 && approved < account.templates.length);
  assert.equal(json.data.length, account.numbers.length);
  assert.deepEqual(json.data.map((n) => n.id), json.data.map((n) => n.id).sort((a, b) => a - b));
  for (const number of json.data) {
    assert.deepEqual(Object.keys(number), LISTED);
    const meta = account.numbers.find((one) => one.id === number.phone_number_id);
    assert.equal(number.phone_number, meta.display_phone_number.replace(/\D/g, ''));
    assert.equal(number.verified_name, meta.verified_name);
    assert.equal(number.quality_rating,
      ['GREEN', 'YELLOW', 'RED'].includes(meta.quality_rating) ? meta.quality_rating : 'UNKNOWN');
    assert.equal(number.status,
      ['CONNECTED', 'FLAGGED', 'RATE_LIMITED'].includes(meta.status) ? 'CONNECTED' : 'DISCONNECTED');
    assert.equal(number.message_template_count, approved);
    assert.match(number.created_at, ISO);
    assert.match(number.updated_at, ISO);
  }
  assert.ok(json.data.some((n) => /[\u0600-\u06ff]/.test(n.verified_name)), 'an Arabic name');
});

test('health, one number by our id and by Meta\'s, and an include that is none', async (t) => {
  const world = await startWorld(t);
  const list = (await world.call('GET', '/waba-numbers?include=health')).json.data;
  for (const number of list) {
    assert.deepEqual(Object.keys(number), [...LISTED, 'health']);
    assert.deepEqual(Object.keys(number.health), HEALTH);
    assert.equal(number.health.stale, false);
    assert.match(number.health.confirmed_at, ISO);
    const byId = (await world.call('GET', `/waba-numbers/${number.id}`)).json.data;
    const byMeta = (await world.call('GET', `/waba-numbers/${number.phone_number_id}`)).json.data;
    assert.deepEqual(byId, byMeta);
    assert.deepEqual(Object.keys(byId.health), HEALTH);
  }
  const wrong = await world.call('GET', '/waba-numbers?include=everything');
  assert.equal(wrong.status, 400);
  assert.match(wrong.json.details.include, /health/);
  for (const id of ['999', 'x', '1e3', '%31', '123456789012345678901234567890123456789']) {
    const none = await world.call('GET', `/waba-numbers/${id}`);
    assert.equal(none.status, 404, id);
    assert.equal(none.json.message, 'Number not found');
  }
});

test('statuses and ratings of Meta\'s are mapped as §2.3 says', async (t) => {
  const statuses = ['CONNECTED', 'FLAGGED', 'RATE_LIMITED', 'PENDING', 'DISCONNECTED', 'UNVERIFIED',
    'RESTRICTED', 'BANNED', 'MIGRATED', 'DELETED', 'UNKNOWN'];
  const ratings = ['GREEN', 'YELLOW', 'RED', 'UNKNOWN', 'NA'];
  const numbers = statuses.map((status, i) => (
    { id: String(5000 + i), status, quality_rating: ratings[i % ratings.length] }));
  const world = await startWorld(t, { sim: { scenario: scenarioOf(numbers) } });
  const list = (await world.call('GET', '/waba-numbers?include=health')).json.data;
  assert.equal(list.length, statuses.length);
  for (const number of list) {
    const meta = numbers.find((one) => one.id === number.phone_number_id);
    const flows = ['CONNECTED', 'FLAGGED', 'RATE_LIMITED'].includes(meta.status);
    assert.equal(number.status, flows ? 'CONNECTED' : 'DISCONNECTED', meta.status);
    assert.equal(number.health.meta_status, meta.status);
    const known = ['GREEN', 'YELLOW', 'RED'].includes(meta.quality_rating);
    assert.equal(number.quality_rating, known ? meta.quality_rating : 'UNKNOWN');
  }
});

test('an account of 250 numbers is linked over all its pages', async (t) => {
  const numbers = Array.from({ length: 250 }, (_, i) => ({ id: String(700000 + i) }));
  const world = await startWorld(t, { sim: { scenario: scenarioOf(numbers) } });
  const list = (await world.call('GET', '/waba-numbers')).json.data;
  assert.deepEqual(new Set(list.map((n) => n.phone_number_id)), new Set(numbers.map((n) => n.id)));
  const pages = (await world.sim.requests()).filter((r) => r.path.endsWith('/phone_numbers'));
  assert.ok(pages.length >= 3, `${pages.length} pages`);
});

test('a sync by hand: each change is told, kept as history, and only then', async (t) => {
  const world = await startWorld(t);
  const before = (await world.call('GET', '/waba-numbers/1')).json.data;
  const { phone_number_id: id } = before;
  const same = await world.call('POST', '/waba-numbers/1/sync');
  assert.equal(same.status, 200);
  assert.equal(same.json.message, 'Number synced successfully');
  assert.equal(same.json.data.updated_at, before.updated_at);
  assert.deepEqual((await world.call('GET', '/waba-numbers/1/history')).json.data, []);

  await world.sim.patchNumber(id, { quality_rating: 'RED', status: 'FLAGGED', verified_name: 'هدهد سليمان' });
  const now = (await world.call('POST', '/waba-numbers/1/sync')).json.data;
  assert.equal(now.quality_rating, 'RED');
  assert.equal(now.status, 'CONNECTED');
  assert.equal(now.verified_name, 'هدهد سليمان');
  assert.equal(now.health.meta_status, 'FLAGGED');
  assert.equal(now.health.previous_quality_rating, before.quality_rating);
  assert.match(now.health.quality_changed_at, ISO);

  const history = (await world.call('GET', '/waba-numbers/1/history')).json;
  const change = history.data.find((row) => row.field === 'quality_rating');
  assert.deepEqual(Object.keys(change), ['field', 'from', 'to', 'source', 'at']);
  assert.equal(change.from, before.quality_rating);
  assert.equal(change.to, 'RED');
  assert.equal(change.source, 'api');
  assert.deepEqual(Object.keys(history.meta), ['current_page', 'per_page', 'total', 'last_page']);
  assert.equal(history.meta.total, history.data.length);
});

test('history is paged, newest first', async (t) => {
  const world = await startWorld(t, { sim: { scenario: scenarioOf([{ id: '800' }]) } });
  const wanted = ['YELLOW', 'RED', 'GREEN', 'RED', 'YELLOW'];
  for (const quality of wanted) {
    await world.sim.patchNumber('800', { quality_rating: quality });
    assert.equal((await world.call('POST', '/waba-numbers/800/sync')).status, 200);
  }
  const rows = (await world.call('GET', '/waba-numbers/800/history?limit=100')).json.data
    .filter((row) => row.field === 'quality_rating');
  assert.deepEqual(rows.map((row) => row.to), [...wanted].reverse());
  const all = (await world.call('GET', '/waba-numbers/800/history')).json;
  const second = (await world.call('GET', '/waba-numbers/800/history?page=2&limit=2')).json;
  assert.deepEqual(second.data, all.data.slice(2, 4));
  assert.deepEqual(second.meta, { current_page: 2, per_page: 2, total: all.meta.total,
    last_page: Math.ceil(all.meta.total / 2) });
  const past = await world.call('GET', '/waba-numbers/800/history?page=1000');
  assert.equal(past.status, 200);
  assert.deepEqual(past.json.data, []);
  for (const query of ['page=0', 'page=-1', 'page=x', 'limit=0', 'limit=101', 'page=1%00',
    'page=99999999999999999999', 'limit=%ff']) {
    const wrong = await world.call('GET', `/waba-numbers/800/history?${query}`);
    assert.equal(wrong.status, 400, query);
    assert.equal(wrong.json.error, 'validation_failed');
  }
});

test('the periodic sync keeps numbers true by itself, and writes nothing when nothing changed',
  async (t) => {
    const world = await startWorld(t, { args: ['--sync-interval', '1s'] });
    const status = async () => JSON.parse((await world.cli(['number', 'list', '--domain', 'acme',
      '--json'])).stdout);
    const first = await status();
    await world.sim.clearRequests();
    await eventually(async () => (await world.sim.requests())
      .filter((r) => r.path.endsWith('/phone_numbers')).length >= 3, { what: 'three syncs' });
    const later = await status();
    assert.ok(later[0].health.confirmed_at > first[0].health.confirmed_at, 'confirmed again');
    assert.equal(later[0].updated_at, first[0].updated_at);

    await world.sim.patchNumber(first[1].phone_number_id, { status: 'BANNED' });
    const banned = await eventually(async () => {
      const number = (await world.call('GET', '/waba-numbers/2')).json.data;
      return number.status === 'DISCONNECTED' && number;
    }, { what: 'the poll' });
    assert.equal(banned.health.meta_status, 'BANNED');
    const history = (await world.call('GET', '/waba-numbers/2/history')).json.data;
    assert.ok(history.some((row) => row.field === 'status' && row.source === 'poll' &&
      row.from === 'CONNECTED' && row.to === 'DISCONNECTED'));
  });

test('templates are counted when APPROVED, and the count moves updated_at', async (t) => {
  const world = await startWorld(t, { sim: { scenario: scenarioOf([{ id: '810' }], { templates: 2 }) } });
  assert.equal((await world.call('GET', '/waba-numbers/810')).json.data.message_template_count, 2);
  await world.sim.patchTemplate('770', { status: 'PAUSED' });
  const after = (await world.call('POST', '/waba-numbers/810/sync')).json.data;
  assert.equal(after.message_template_count, 1);
  for (const status of ['REJECTED', 'PENDING', 'DISABLED', 'APPROVED']) {
    await world.sim.patchTemplate('770', { status });
    assert.equal((await world.call('POST', '/waba-numbers/810/sync')).json.data
      .message_template_count, status === 'APPROVED' ? 2 : 1, status);
  }
});

test('a number that Meta no longer lists is DISCONNECTED with a reason, and comes back', async (t) => {
  const scenario = scenarioOf([{ id: '820' }, { id: '821' }]);
  const world = await startWorld(t, { sim: { scenario } });
  await world.sim.deleteNumber('821');
  const gone = (await world.call('POST', '/waba-numbers/821/sync')).json.data;
  assert.equal(gone.status, 'DISCONNECTED');
  assert.match(gone.health.reasons[0].message, /no longer lists/);
  assert.ok(gone.health.reasons[0].solution);
  assert.equal((await world.call('GET', '/waba-numbers/820')).json.data.status, 'CONNECTED');
  await world.sim.putScenario(scenario);
  const back = (await world.call('POST', '/waba-numbers/821/sync')).json.data;
  assert.equal(back.status, 'CONNECTED');
  assert.deepEqual(back.health.reasons, []);
});

test('a new number of a linked account appears by itself', async (t) => {
  const world = await startWorld(t, { sim: { scenario: scenarioOf([{ id: '830' }]) } });
  await world.sim.addNumber('900', { id: '831', display_phone_number: '+20 100 000 0000',
    verified_name: 'فرع القاهرة', quality_rating: 'GREEN', status: 'CONNECTED' });
  await world.call('POST', '/waba-numbers/830/sync');
  const list = (await world.call('GET', '/waba-numbers')).json.data;
  assert.deepEqual(list.map((n) => n.phone_number), ['966500001000', '201000000000']);
});

test('a dead token: DISCONNECTED with Meta\'s reason, until a new token is linked', async (t) => {
  const world = await startWorld(t, { sim: { scenario: scenarioOf([{ id: '840' }]) } });
  await world.sim.patchToken(world.sim.token, { expired: true });
  const refused = await world.call('POST', '/waba-numbers/840/sync');
  assert.equal(refused.status, 422);
  assert.equal(refused.json.error, 'message_rejected');
  assert.equal(refused.json.details.meta_code, '190');
  assert.ok(refused.json.details.fbtrace_id);
  assert.match(refused.json.details.meta_title, /^Error validating access token/);
  assert.equal(refused.json.details.meta_details, null, 'Meta says no more than that');
  const dead = (await world.call('GET', '/waba-numbers/840')).json.data;
  assert.equal(dead.status, 'DISCONNECTED');
  assert.equal(dead.health.reasons[0].code, 190);
  assert.ok(!refused.text.includes(world.sim.token));

  await world.sim.patchToken(world.sim.token, { expired: false });
  const again = await world.link();
  assert.equal(again.status, 201, again.text);
  assert.equal((await world.call('GET', '/waba-numbers/840')).json.data.status, 'CONNECTED');
});

test('linking: what is wrong is said, field by field', async (t) => {
  const world = await startWorld(t, { link: false });
  const cases = [
    [{}, 'validation_failed', ['waba_id', 'access_token']],
    [{ waba_id: 5, access_token: true }, 'validation_failed', ['waba_id', 'access_token']],
    [{ waba_id: '12x', access_token: 'a b' }, 'validation_failed', ['waba_id', 'access_token']],
    [{ waba_id: '12', access_token: 'x'.repeat(4097) }, 'validation_failed', ['access_token']],
    [{ waba_id: '12', access_token: 'x', colour: 'red' }, 'validation_failed', ['colour']],
    [{ code: 'abc', access_token: 'x' }, 'validation_failed', ['code']],
    ['[]', 'invalid_json', []],
    ['{"waba_id":', 'invalid_json', ['offset']],
    ['{"waba_id":"1","waba_id":"2","access_token":"x"}', 'invalid_json', []],
    ['{"waba_id":"1\\u0000","access_token":"x"}', 'invalid_json', []],
    ['', 'invalid_json', []],
  ];
  for (const [body, error, fields] of cases) {
    const answer = await world.call('POST', '/waba-numbers', body);
    assert.equal(answer.status, 400, answer.text);
    assert.equal(answer.json.error, error, JSON.stringify(body));
    for (const field of fields) assert.ok(answer.json.details[field], `${field} in ${answer.text}`);
  }
  const form = await world.call('POST', '/waba-numbers', 'waba_id=1',
    { 'Content-Type': 'application/x-www-form-urlencoded' });
  assert.equal(form.status, 415);
  assert.equal(form.json.error, 'unsupported_media_type');
  const large = await world.call('POST', '/waba-numbers', `{"waba_id":"${'1'.repeat(70000)}"}`);
  assert.equal(large.status, 413);
  assert.equal(large.json.error, 'payload_too_large');
});

test('linking: Meta\'s refusals, conflicts, and the subscription of the app', async (t) => {
  const world = await startWorld(t, { link: false });
  const bad = await world.link(world.sim.wabaId, 'EAAnotatoken');
  assert.equal(bad.status, 422);
  assert.equal(bad.json.details.meta_code, '190');
  const foreign = await world.link('999999999', world.sim.token);
  assert.equal(foreign.status, 422);
  assert.equal(foreign.json.details.meta_code, '100');
  assert.equal((await world.call('GET', '/waba-numbers')).status, 404, 'nothing was kept');

  await world.sim.clearRequests();
  const linked = await world.link();
  assert.equal(linked.status, 201);
  assert.equal(linked.json.status, true);
  assert.equal(linked.json.message, 'Numbers linked successfully');
  assert.equal(linked.json.data.length, 5);
  const asked = await world.sim.requests();
  assert.ok(asked.some((r) => r.method === 'POST' && r.path.endsWith('/subscribed_apps')));
  assert.ok(asked.every((r) => !JSON.stringify(r).includes(world.sim.token)));

  const twice = await world.link();
  assert.equal(twice.status, 409);
  assert.equal(twice.json.error, 'conflict');
  const replaced = await world.call('POST', '/waba-numbers',
    { waba_id: world.sim.wabaId, access_token: world.sim.token, replace: true });
  assert.equal(replaced.status, 201);
});

test('an account of another workspace stays there', async (t) => {
  const world = await startWorld(t);
  await world.cli(['workspace', 'create', 'Other', '--domain', 'other']);
  const { stdout } = await world.cli(['client', 'create', '--domain', 'other', '--name', 'n', '--json']);
  const client = JSON.parse(stdout);
  const creds = { domain: 'other', clientId: client.client_id, secret: client.hmac_secret };
  const { call } = await import('./lib/hudhud.mjs');
  const body = JSON.stringify({ waba_id: world.sim.wabaId, access_token: world.sim.token });
  const answer = await call(world.url, 'POST', '/waba-numbers', creds, { body });
  assert.equal(answer.status, 409);
  assert.equal((await call(world.url, 'GET', '/waba-numbers', creds)).status, 404);
  assert.equal((await call(world.url, 'GET', '/waba-numbers/1', creds)).status, 404);
  assert.equal((await call(world.url, 'DELETE', '/waba-numbers/1', creds)).status, 404);
  assert.equal((await call(world.url, 'POST', '/waba-numbers/1/sync', creds)).status, 404);
  assert.equal((await call(world.url, 'GET', '/waba-numbers/1/history', creds)).status, 404);
});

test('unlinking: gone from every endpoint, not brought back by a sync, linked again with its id',
  async (t) => {
    const world = await startWorld(t);
    const { phone_number_id: meta } = (await world.call('GET', '/waba-numbers/3')).json.data;
    const answer = await world.call('DELETE', '/waba-numbers/3');
    assert.equal(answer.status, 200);
    assert.equal(answer.json.message, 'Number unlinked successfully');
    assert.equal(answer.json.data.phone_number_id, meta);
    assert.equal((await world.call('DELETE', '/waba-numbers/3')).status, 404);
    assert.equal((await world.call('GET', `/waba-numbers/${meta}`)).status, 404);
    await world.call('POST', '/waba-numbers/1/sync');
    const ids = async () => (await world.call('GET', '/waba-numbers')).json.data.map((n) => n.id);
    assert.deepEqual(await ids(), [1, 2, 4, 5]);
    assert.equal((await world.link()).status, 201);
    assert.deepEqual(await ids(), [1, 2, 3, 4, 5]);
    for (const id of await ids()) await world.call('DELETE', `/waba-numbers/${id}`);
    assert.equal((await world.call('GET', '/waba-numbers')).status, 404);
    assert.equal((await world.link()).status, 201);
    assert.deepEqual(await ids(), [1, 2, 3, 4, 5]);
  });

test('a code of embedded signup links the account it was given for', async (t) => {
  const { writeFileSync } = await import('node:fs');
  const { temporaryFolder } = await import('./lib/hudhud.mjs');
  const file = `${temporaryFolder()}/app-secret`;
  const world = await startWorld(t, { link: false });
  const { app } = await world.sim.scenario();
  const none = await world.call('POST', '/waba-numbers', { code: 'CODE' });
  assert.equal(none.status, 400, 'a server without an app says so');
  assert.match(none.json.details.code, /app-id/);

  writeFileSync(file, `${app.secret}\n`, { mode: 0o600 });
  await world.restart(['--app-id', app.id, '--app-secret-file', file]);
  const codes = (await world.sim.scenario()).codes ?? [];
  const wrong = await world.call('POST', '/waba-numbers', { code: 'not-a-code' });
  assert.equal(wrong.status, 422, wrong.text);
  if (codes.length === 0) return t.diagnostic('the demo scenario has no code');
  const linked = await world.call('POST', '/waba-numbers', { code: codes[0].code });
  assert.equal(linked.status, 201, linked.text);
});

test('a list that the client has already is not sent again', async (t) => {
  const world = await startWorld(t);
  const first = await world.call('GET', '/waba-numbers');
  const etag = first.headers.get('etag');
  assert.match(etag, /^"[0-9a-f]{16}(-gzip)?"$/);
  for (const known of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
    const again = await world.call('GET', '/waba-numbers', undefined, { 'If-None-Match': known });
    assert.equal(again.status, 304, known);
    assert.equal(again.text, '');
    assert.equal(again.headers.get('etag'), etag);
    assert.ok(again.headers.get('x-request-id'));
  }
  assert.equal((await world.call('GET', '/waba-numbers', undefined,
    { 'If-None-Match': '"0123456789abcdef"' })).status, 200);
  await world.sim.patchNumber(first.json.data[0].phone_number_id, { quality_rating: 'RED' });
  await world.call('POST', '/waba-numbers/1/sync');
  const changed = await world.call('GET', '/waba-numbers', undefined, { 'If-None-Match': etag });
  assert.equal(changed.status, 200);
  assert.notEqual(changed.headers.get('etag'), etag);
});

test('a sync takes no body but an empty object', async (t) => {
  const world = await startWorld(t);
  assert.equal((await world.call('POST', '/waba-numbers/1/sync', '{}')).status, 200);
  assert.equal((await world.call('POST', '/waba-numbers/1/sync', ' { } ')).status, 200);
  for (const body of ['[1,2', 'not json', '42', '[]', '"x"', '{', '  ']) {
    const answer = await world.call('POST', '/waba-numbers/1/sync', body);
    assert.equal(answer.status, 400, body);
    assert.equal(answer.json.error, 'invalid_json', body);
  }
  const unknown = await world.call('POST', '/waba-numbers/1/sync', '{"now":true}');
  assert.equal(unknown.json.error, 'validation_failed');
  assert.ok(unknown.json.details.now);
});

test('a sync that was asked before a link does not undo it', async (t) => {
  const scenario = scenarioOf([{ id: '860' }]);
  const world = await startWorld(t, { sim: { scenario } });
  // The sync has the numbers, and waits for the templates.
  await world.sim.putFaults([{ kind: 'latency', ms: 2000, times: 1,
    match: { path_contains: 'message_templates' } }]);
  const slow = world.call('POST', '/waba-numbers/860/sync');
  await eventually(async () => (await world.sim.requests())
    .filter((r) => r.path.endsWith('/phone_numbers')).length >= 2);
  await world.sim.patchNumber('860', { quality_rating: 'RED' });
  await world.sim.addNumber('900', { id: '861', display_phone_number: '+20 100 000 0000',
    verified_name: 'جديد', quality_rating: 'GREEN', status: 'CONNECTED' });
  const linked = await world.call('POST', '/waba-numbers',
    { waba_id: '900', access_token: world.sim.token, replace: true });
  assert.equal(linked.status, 201);
  assert.equal((await slow).status, 200);
  const list = (await world.call('GET', '/waba-numbers')).json.data;
  assert.deepEqual(list.map((n) => [n.phone_number_id, n.quality_rating, n.status]),
    [['860', 'RED', 'CONNECTED'], ['861', 'GREEN', 'CONNECTED']]);
});

test('syncs of one number at one time are answered, each by a question of its own', async (t) => {
  const world = await startWorld(t, { sim: { scenario: scenarioOf([{ id: '870' }]) } });
  await world.sim.putFaults([{ kind: 'latency', ms: 300 }]);
  const first = world.call('POST', '/waba-numbers/870/sync');
  await eventually(async () => (await world.sim.requests()).length > 4);
  await world.sim.patchNumber('870', { quality_rating: 'YELLOW' });
  const second = world.call('POST', '/waba-numbers/870/sync');
  const third = world.call('POST', '/waba-numbers/870/sync');
  assert.equal((await first).status, 200);
  for (const later of [second, third])
    assert.equal((await later).json.data.quality_rating, 'YELLOW');
});

test('other methods and addresses are refused in the one form', async (t) => {
  const world = await startWorld(t, { link: false });
  const put = await world.call('PUT', '/waba-numbers', '{}');
  assert.equal(put.status, 405);
  assert.equal(put.headers.get('allow'), 'GET, POST');
  assert.equal(put.json.error, 'method_not_allowed');
  for (const path of ['/nothing', '/', '', '/waba-numbers/', '/waba-numbers//history', '/WABA-NUMBERS',
    '/waba-numbers/1/history/x', '/../admin/workspaces']) {
    const answer = await world.call('GET', path);
    assert.ok([404, 401].includes(answer.status), `${path}: ${answer.status}`);
  }
  for (const path of ['/admin/workspaces', '/api/v2/developer/waba-numbers', '/', '/api', '/api/developers']) {
    const answer = await fetch(world.url + path);
    assert.equal(answer.status, 404, path);
    assert.equal((await answer.json()).error, 'resource_not_found');
  }
});
