// The simulator's answers in Meta's shapes, asked with plain fetch: docs/simulator.md lists them.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { test } from 'node:test';
import { startReceiver } from './lib/receiver.mjs';
import { graph, startSim } from './lib/sim.mjs';

const APP = { id: '670843887433847', name: 'Test App', secret: 'app-secret' };

function number(i, fields = {}) {
  return {
    id: `1065403522429${10 + i}`,
    display_phone_number: `+1 631-555-00${10 + i}`,
    verified_name: `Number ${i}`,
    last_onboarded_time: `2025-01-${10 + i}T00:00:00+0000`,
    ...fields,
  };
}

function template(i, fields = {}) {
  return { id: `16895569081298${10 + i}`, name: `t_${i}`, language: 'en_US', category: 'UTILITY',
           components: [{ type: 'BODY', text: 'Hi' }], ...fields };
}

// Two accounts; `t-one` sees the first only.
function scenario(more = {}) {
  return {
    app: APP,
    tokens: [
      { token: 't-all' },
      { token: 't-one', accounts: ['1001'] },
      { token: 't-old', expired: true },
      { token: 't-messaging', scopes: ['whatsapp_business_messaging'] },
    ],
    accounts: [
      { id: '1001', name: 'متجر', numbers: [0, 1, 2, 3, 4].map((i) => number(i)),
        templates: [template(0), template(1, { status: 'PENDING' }), template(2, { language: 'ar' }),
                    template(3, { status: 'REJECTED', category: 'MARKETING' })] },
      { id: '1002', name: 'Other', numbers: [] },
    ],
    ...more,
  };
}

async function start(t, options = { scenario: scenario() }) {
  const sim = await startSim(options);
  t.after(async () => assert.deepEqual(await sim.stop(), { code: 0, signal: null }, sim.log()));
  return sim;
}

function assertError(answer, status, { code, subcode, type = 'OAuthException', message }) {
  assert.equal(answer.status, status, answer.text);
  const { error } = answer.json;
  assert.equal(error.code, code);
  assert.equal(error.error_subcode, subcode);
  assert.equal(error.type, type);
  assert.match(error.message, message);
  assert.match(error.fbtrace_id, /^\w+$/);
  assert.match(answer.headers.get('www-authenticate'), /^OAuth "Facebook Platform" "\w+" ".+"$/);
}

test('every answer carries the headers of the Graph API', async (t) => {
  const sim = await start(t);
  const ok = await sim.graph('/v25.0/1001');
  const bad = await sim.graph('/v25.0/7');
  for (const { headers } of [ok, bad]) {
    assert.equal(headers.get('content-type'), 'application/json; charset=UTF-8');
    assert.equal(headers.get('facebook-api-version'), 'v25.0');
    for (const name of ['x-fb-request-id', 'x-fb-trace-id', 'x-fb-rev', 'x-fb-debug'])
      assert.ok(headers.get(name), name);
    assert.deepEqual(Object.keys(JSON.parse(headers.get('x-app-usage'))),
                     ['call_count', 'total_time', 'total_cputime']);
  }
  const usage = JSON.parse(ok.headers.get('x-business-use-case-usage'));
  assert.equal(usage['1001'][0].type, 'whatsapp_business_management');
  assert.equal(bad.headers.get('x-business-use-case-usage'), null);
  assert.equal(ok.headers.get('www-authenticate'), null);
});

test('a GET carries an ETag, and 304 answers who has it', async (t) => {
  const sim = await start(t);
  const { headers } = await sim.graph('/v25.0/1001');
  const again = await sim.graph('/v25.0/1001', { headers: { 'if-none-match': headers.get('etag') } });
  assert.equal(again.status, 304);
  assert.equal(again.text, '');
});

test('versions v20.0 to v26.0, none at all, and unknown ones', async (t) => {
  const sim = await start(t);
  for (const v of ['v20.0', 'v21.0', 'v22.0', 'v23.0', 'v24.0', 'v25.0', 'v26.0']) {
    const { status, headers } = await sim.graph(`/${v}/1001`);
    assert.equal(status, 200);
    assert.equal(headers.get('facebook-api-version'), v);
  }
  assert.equal((await sim.graph('/1001')).status, 200);
  for (const v of ['v19.0', 'v27.0', 'v25.1'])
    assertError(await sim.graph(`/${v}/1001`), 400,
                { code: 2500, message: /^Unknown path components: \/1001$/ });
  assertError(await sim.graph('/v25.0/1001/nothing'), 400,
              { code: 2500, message: /^Unknown path components: \/nothing$/ });
  assertError(await sim.graph('/v25.0/1001/phone_numbers/x'), 400,
              { code: 2500, message: /^Unknown path components: \/x$/ });
});

test('tokens: in the header, in the query, missing, malformed, expired, of others', async (t) => {
  const sim = await start(t);
  assert.equal((await graph(sim.url, '/v25.0/1001?access_token=t-all')).status, 200);
  assertError(await graph(sim.url, '/v25.0/1001'), 401, { code: 104, message: /access token is required/ });
  assertError(await sim.graph('/v25.0/1001', { token: 'nonsense' }), 401,
              { code: 190, message: /^Invalid OAuth access token - Cannot parse access token$/ });
  assertError(await sim.graph('/v25.0/1001', { token: 't-old' }), 401,
              { code: 190, subcode: 463, message: /Session has expired on \w+day, \d\d-\w{3}-\d\d [\d:]{8} PST/ });
  const hidden = { code: 100, subcode: 33, type: 'GraphMethodException',
                   message: /^Unsupported get request\. Object with ID '1002' does not exist/ };
  assertError(await sim.graph('/v25.0/1002', { token: 't-one' }), 400, hidden);
  assertError(await sim.graph('/v25.0/1002/phone_numbers', { token: 't-one' }), 400, hidden);
  assertError(await sim.graph('/v25.0/1001', { token: 't-messaging' }), 403,
              { code: 200, message: /^\(#200\)/ });
  assertError(await sim.graph('/v25.0/1001', { method: 'POST', body: {} }), 400,
              { code: 100, subcode: 33, type: 'GraphMethodException', message: /^Unsupported post request/ });
});

test('a token expires and comes back by the control API', async (t) => {
  const sim = await start(t);
  await sim.patchToken('t-all', { expired: true });
  assert.equal((await sim.graph('/v25.0/1001')).json.error.error_subcode, 463);
  await sim.patchToken('t-all', { expired: false });
  assert.equal((await sim.graph('/v25.0/1001')).status, 200);
  await sim.patchToken('t-all', { expires_at: 1600000000 });
  assert.match((await sim.graph('/v25.0/1001')).json.error.message, /Sunday, 13-Sep-20 04:26:40 PST/);
});

test('appsecret_proof is checked, and required where the app says so', async (t) => {
  const proof = (text) => createHmac('sha256', APP.secret).update(text).digest('hex');
  const sim = await start(t);
  const ask = (query) => sim.graph('/v25.0/1001', { query });
  assert.equal((await ask({})).status, 200);
  assert.equal((await ask({ appsecret_proof: proof('t-all') })).status, 200);
  const now = Math.floor(Date.now() / 1000);
  assert.equal((await ask({ appsecret_proof: proof(`t-all|${now}`), appsecret_time: now })).status, 200);
  const wrong = { code: 100, type: 'GraphMethodException',
                  message: /^Invalid appsecret_proof provided in the API argument$/ };
  assertError(await ask({ appsecret_proof: proof('t-one') }), 400, wrong);
  assertError(await ask({ appsecret_proof: 'x' }), 400, wrong);
  assertError(await ask({ appsecret_proof: proof(`t-all|${now - 900}`), appsecret_time: now - 900 }), 400, wrong);
  await sim.putScenario(scenario({ app: { ...APP, require_appsecret_proof: true } }));
  assertError(await ask({}), 400, { code: 100, type: 'GraphMethodException',
                                    message: /^API calls from the server require an appsecret_proof argument$/ });
  assert.equal((await ask({ appsecret_proof: proof('t-all') })).status, 200);
});

test('an account: default fields, chosen fields, unknown fields', async (t) => {
  const sim = await start(t);
  const node = (fields) => sim.graph('/v25.0/1001', { query: { fields } });
  assert.deepEqual(Object.keys((await sim.graph('/v25.0/1001')).json),
                   ['name', 'timezone_id', 'message_template_namespace', 'id']);
  assert.deepEqual((await node('currency,name')).json, { currency: 'USD', name: 'متجر', id: '1001' });
  assertError(await node('name,foo'), 400, {
    code: 100,
    message: /^\(#100\) Tried accessing nonexisting field \(foo\) on node type \(WhatsAppBusinessAccount\)$/ });
  assertError(await node('name{x}'), 400, { code: 100, message: /Subfields are not supported by name/ });
  assertError(await node('name,'), 400, { code: 2500, message: /^Syntax error "Expected name\."/ });
});

test('phone numbers: default fields, nested selection, health', async (t) => {
  const sim = await start(t);
  const { json } = await sim.graph('/v25.0/1001/phone_numbers');
  assert.deepEqual(json.data[0], {
    verified_name: 'Number 4', code_verification_status: 'VERIFIED',
    display_phone_number: '+1 631-555-0014', quality_rating: 'UNKNOWN', id: '106540352242914' });
  assert.ok(json.paging.cursors.after);
  assert.equal(json.paging.next, undefined);

  const one = (fields) => sim.graph('/v25.0/106540352242912', { query: { fields } });
  assert.deepEqual((await one('throughput{level},status')).json,
                   { throughput: { level: 'STANDARD' }, status: 'CONNECTED', id: '106540352242912' });
  assertError(await one('throughput{speed}'), 400, { code: 100, message: /nonexisting field \(speed\)/ });
  const health = async () => (await one('health_status')).json.health_status;
  assert.deepEqual(await health(), {
    can_send_message: 'AVAILABLE',
    entities: [
      { entity_type: 'PHONE_NUMBER', id: '106540352242912', can_send_message: 'AVAILABLE' },
      { entity_type: 'WABA', id: '1001', can_send_message: 'AVAILABLE' },
      { entity_type: 'APP', id: APP.id, can_send_message: 'AVAILABLE' }] });
  await sim.patchNumber('106540352242912', { name_status: 'PENDING_REVIEW' });
  assert.equal((await health()).can_send_message, 'LIMITED');
  assert.match((await health()).entities[0].additional_info[0], /display name/);
  await sim.patchNumber('106540352242912', { status: 'BANNED' });
  assert.equal((await health()).can_send_message, 'BLOCKED');
  assert.ok(Number.isInteger((await health()).entities[0].errors[0].error_code));
});

test('paging: forwards, backwards, and a number that vanishes on the way', async (t) => {
  const sim = await start(t);
  const first = await sim.graph('/v25.0/1001/phone_numbers', { query: { limit: 2, fields: 'id' } });
  const names = [...first.json.data];
  assert.equal(first.json.data.length, 2);
  assert.equal(first.json.paging.previous, undefined);
  assert.doesNotMatch(first.json.paging.next, /access_token/);
  await sim.deleteNumber(first.json.data[1].id); // what the cursor stands at
  let page = first;
  while (page.json.paging.next) {
    page = await sim.graph(page.json.paging.next.slice(sim.url.length));
    names.push(...page.json.data);
  }
  assert.deepEqual(names.map((n) => n.id.slice(-1)).join(''), '43210'); // none twice, none lost
  assert.ok(page.json.paging.cursors.before);
  const back = await sim.graph(page.json.paging.previous.slice(sim.url.length));
  assert.equal(back.status, 200);
  assert.ok(back.json.data.every((n) => n.id !== page.json.data[0].id));

  const inQuery = await graph(sim.url, '/v25.0/1001/phone_numbers?limit=1&access_token=t-all');
  assert.match(inQuery.json.paging.next, /access_token=t-all/);
  assertError(await sim.graph('/v25.0/1001/phone_numbers', { query: { after: 'x' } }), 400,
              { code: 100, message: /Invalid cursors values/ });
  for (const limit of ['0', '-1', 'x'])
    assertError(await sim.graph('/v25.0/1001/phone_numbers', { query: { limit } }), 400,
                { code: 100, message: /limit/ });
  const empty = await sim.graph('/v25.0/1002/phone_numbers');
  assert.deepEqual(empty.json, { data: [] });
});

test('phone numbers: sort and filtering', async (t) => {
  const sim = await start(t);
  await sim.patchNumber('106540352242911', { account_mode: 'SANDBOX' });
  const ids = async (query) =>
    (await sim.graph('/v25.0/1001/phone_numbers', { query: { fields: 'id', ...query } }))
      .json.data.map((n) => n.id.slice(-1)).join('');
  assert.equal(await ids({}), '43210');
  assert.equal(await ids({ sort: "['last_onboarded_time_ascending']" }), '01234');
  assert.equal(await ids({ sort: 'creation_time.desc' }), '43210');
  assert.equal(await ids({ sort: 'creation_time.asc' }), '01234');
  const filter = (value, operator = 'EQUAL', field = 'account_mode') =>
    ({ filtering: JSON.stringify([{ field, operator, value }]) });
  assert.equal(await ids(filter('SANDBOX')), '1');
  assert.equal(await ids(filter('LIVE')), '4320');
  for (const query of [{ filtering: '[' }, { filtering: '{}' }, filter('x', 'EQUAL', 'status'),
                       filter('LIVE', 'IN'), { sort: 'name' }])
    assertError(await sim.graph('/v25.0/1001/phone_numbers', { query }), 400,
                { code: 100, message: /filtering|sort/ });
});

test('templates: filters in every form, paging, summary, one node', async (t) => {
  const sim = await start(t);
  const list = (query) => sim.graph('/v25.0/1001/message_templates' + query);
  const names = async (query) => (await list(query)).json.data.map((x) => x.name).join();
  assert.deepEqual((await list('?limit=1')).json.data[0], {
    name: 't_0', parameter_format: 'POSITIONAL', components: [{ type: 'BODY', text: 'Hi' }],
    language: 'en_US', status: 'APPROVED', category: 'UTILITY', id: '1689556908129810' });
  assert.equal(await names('?status=approved'), 't_0,t_2');
  assert.equal(await names('?status[]=PENDING&status[]=REJECTED'), 't_1,t_3');
  assert.equal(await names('?status=["APPROVED"]&language=ar'), 't_2');
  assert.equal(await names('?category=marketing'), 't_3');
  assert.equal(await names('?name=t_1'), 't_1');
  const all = 'total_count,message_template_count,message_template_limit,are_translations_complete';
  const { json } = await list(`?limit=1&status=approved&summary=${all}`);
  assert.equal(json.data.length, 1);
  assert.ok(json.paging.next);
  assert.deepEqual(json.summary, { total_count: 2, message_template_count: 4,
                                   message_template_limit: 6000, are_translations_complete: true });
  assert.deepEqual((await list('?status=PAUSED&summary=true')).json, { data: [], summary: { total_count: 0 } });
  assertError(await list('?summary=x'), 400, { code: 100, message: /summary/ });
  const node = await sim.graph('/v25.0/1689556908129813?fields=status,components{type},quality_score');
  assert.deepEqual(node.json, { status: 'REJECTED', components: [{ type: 'BODY' }],
                                quality_score: { score: 'UNKNOWN' }, id: '1689556908129813' });
});

test('subscribed apps: subscribe, override, leave', async (t) => {
  const sim = await start(t);
  const path = '/v25.0/1001/subscribed_apps';
  assert.deepEqual((await sim.graph(path)).json, { data: [] });
  assert.deepEqual((await sim.graph(path, { method: 'POST' })).json, { success: true });
  const row = { whatsapp_business_api_data: {
    id: APP.id, link: `https://www.facebook.com/games/?app_id=${APP.id}`, name: APP.name } };
  assert.deepEqual((await sim.graph(path)).json, { data: [row] });
  const { url: override_callback_uri } = await startReceiver(t, { verifyToken: 'v' });
  await sim.graph(path, { method: 'POST', body: { override_callback_uri, verify_token: 'v' } });
  assert.deepEqual((await sim.graph(path)).json, { data: [{ ...row, override_callback_uri }] });
  assertError(await sim.graph(path, { method: 'POST', body: { override_callback_uri } }), 400,
              { code: 100, message: /verify_token/ });
  assertError(await sim.graph(path, { method: 'POST', body: { override_callback_uri: 'ftp://x' } }), 400,
              { code: 100, message: /override_callback_uri/ });
  const form = await fetch(sim.url + path, { method: 'POST',
    body: new URLSearchParams({ access_token: 't-all', override_callback_uri, verify_token: 'v' }) });
  assert.deepEqual(await form.json(), { success: true });
  assert.deepEqual((await sim.graph(path, { method: 'DELETE' })).json, { success: true });
  assert.deepEqual((await sim.graph(path)).json, { data: [] });
});

test('debug_token and the exchange of a code', async (t) => {
  const sim = await start(t, { scenario: scenario({ codes: [{ code: 'abc', token: 't-one' }] }) });
  const app = `${APP.id}|${APP.secret}`;
  const debug = async (input_token) =>
    (await sim.graph('/v25.0/debug_token', { token: app, query: { input_token } })).json.data;
  const one = await debug('t-one');
  assert.equal(one.is_valid, true);
  assert.equal(one.app_id, APP.id);
  assert.equal(one.expires_at, 0);
  assert.deepEqual(one.scopes, ['whatsapp_business_management', 'whatsapp_business_messaging']);
  assert.deepEqual(one.granular_scopes[0],
                   { scope: 'whatsapp_business_management', target_ids: ['1001'] });
  assert.deepEqual((await debug('t-old')).error.subcode, 463);
  assert.equal((await debug('t-old')).is_valid, false);
  assert.deepEqual((await debug('nonsense')).error.code, 190);

  const exchange = (query) => graph(sim.url, '/v25.0/oauth/access_token', {
    query: { client_id: APP.id, client_secret: APP.secret, ...query } });
  assert.deepEqual((await exchange({ grant_type: 'client_credentials' })).json,
                   { access_token: app, token_type: 'bearer' });
  assert.deepEqual((await exchange({ code: 'abc' })).json, { access_token: 't-one', token_type: 'bearer' });
  assertError(await exchange({ code: 'abc' }), 400, { code: 100, subcode: 36009, message: /has been used/ });
  assertError(await exchange({ code: 'x' }), 400, { code: 100, subcode: 36007, message: /code/ });
  assertError(await exchange({ code: 'abc', client_secret: 'x' }), 400, { code: 100, message: /client secret/ });
});

test('throttling: usage rises, 80008 over the limit, and the window ends', async (t) => {
  const sim = await start(t, { scenario: scenario({ limits: { calls: 2, active_calls: 4, window_s: 2 } }) });
  const usage = (answer, id) => JSON.parse(answer.headers.get('x-business-use-case-usage'))[id][0];
  for (const percent of [25, 50, 75, 100]) {
    const answer = await sim.graph('/v25.0/1001');
    assert.equal(answer.status, 200);
    assert.equal(usage(answer, '1001').call_count, percent);
    assert.equal(usage(answer, '1001').estimated_time_to_regain_access, 0);
  }
  const over = await sim.graph('/v25.0/1001');
  assertError(over, 400, { code: 80008, message: /^There have been too many calls to this WhatsApp Business account/ });
  assert.ok(usage(over, '1001').call_count > 100);
  assert.equal(usage(over, '1001').estimated_time_to_regain_access, 1);
  const other = await sim.graph('/v25.0/1002'); // has no number: the lower limit
  assert.equal(usage(other, '1002').call_count, 50);
  const deadline = Date.now() + 10_000;
  let again;
  do again = await sim.graph('/v25.0/1001');
  while (again.status !== 200 && Date.now() < deadline);
  assert.equal(again.status, 200);
});

test('faults: each kind does what it says, and only where it matches', async (t) => {
  const sim = await start(t);
  const put = (fault) => sim.putFaults([{ match: { account: '1001', method: 'get' }, times: 1, ...fault }]);
  const ask = () => sim.graph('/v25.0/1001/phone_numbers', { query: { limit: 2 } });

  await put({ kind: 'status_5xx', status: 502 });
  assert.equal((await sim.graph('/v25.0/1002')).status, 200);
  const transient = await ask();
  assertError(transient, 502, { code: 2, message: /unexpected error/ });
  assert.equal(transient.json.error.is_transient, true);
  assert.equal((await ask()).status, 200); // it struck once

  await put({ kind: 'throttle', minutes: 7 });
  const throttled = await ask();
  assertError(throttled, 400, { code: 80008, message: /too many calls/ });
  const usage = JSON.parse(throttled.headers.get('x-business-use-case-usage'))['1001'][0];
  assert.ok(usage.call_count > 100);
  assert.equal(usage.estimated_time_to_regain_access, 7);

  await put({ kind: 'token_expired' });
  assertError(await ask(), 401, { code: 190, subcode: 463, message: /Session has expired/ });

  await put({ kind: 'html' });
  const html = await ask();
  assert.equal(html.status, 200);
  assert.match(html.headers.get('content-type'), /^text\/html/);
  assert.match(html.text, /^<!DOCTYPE html>/);

  await put({ kind: 'half_json' });
  const half = await ask();
  assert.equal(half.status, 200);
  assert.match(half.text, /^\{"data":\[/);
  assert.equal(half.json, undefined);

  await put({ kind: 'wrong_types' });
  assert.equal(typeof (await ask()).json.paging, 'string');

  await put({ kind: 'cut' });
  await assert.rejects(fetch(`${sim.url}/v25.0/1001?access_token=t-all`));

  await put({ kind: 'latency', ms: 300 });
  const begin = Date.now();
  assert.equal((await ask()).status, 200);
  assert.ok(Date.now() - begin >= 290);
  assert.deepEqual(await sim.control('GET', '/faults'), []);
});

test('faults: pages without end never repeat a cursor', async (t) => {
  const sim = await start(t);
  await sim.putFaults([{ kind: 'endless_pages', match: { path_contains: 'phone_numbers' } }]);
  const cursors = new Set();
  let path = '/v25.0/1001/phone_numbers?limit=3';
  for (let i = 0; i < 20; i++) {
    const { json } = await sim.graph(path);
    assert.equal(json.data.length, 3);
    cursors.add(json.paging.cursors.after);
    path = json.paging.next.slice(sim.url.length);
  }
  assert.equal(cursors.size, 20);
  await sim.clearFaults();
  assert.equal((await sim.graph('/v25.0/1001/phone_numbers')).json.paging.next, undefined);
});

test('faults: a huge body goes on far past any sensible limit', async (t) => {
  const sim = await start(t);
  await sim.putFaults([{ kind: 'huge', bytes: 10_000_000 }]);
  const response = await fetch(`${sim.url}/v25.0/1001?access_token=t-all`);
  assert.equal(response.headers.get('content-length'), null);
  let bytes = 0;
  try {
    for await (const chunk of response.body) bytes += chunk.length;
  } catch {
    // the cut at its end may look like an error
  }
  assert.ok(bytes > 9_000_000, String(bytes));
});

test('the control API: state, changes, mistakes', async (t) => {
  const sim = await start(t);
  const before = await sim.scenario();
  await sim.putScenario(before);
  assert.deepEqual(await sim.scenario(), before);

  const patched = await sim.patchNumber('106540352242910', { quality_rating: 'RED', messaging_limit: 'TIER_2K' });
  assert.equal(patched.whatsapp_business_manager_messaging_limit, 'TIER_2K');
  const seen = await sim.graph('/v25.0/106540352242910', { query: { fields: 'quality_rating,quality_score' } });
  assert.deepEqual(seen.json, { quality_rating: 'RED', quality_score: { score: 'RED' }, id: '106540352242910' });
  const added = await sim.addNumber('1002', { verified_name: 'New', display_phone_number: '+1 631-555-0099' });
  assert.equal((await sim.graph(`/v25.0/${added.id}`)).json.verified_name, 'New');
  const tmpl = await sim.addTemplate('1002', { name: 'n', language: 'ar', category: 'UTILITY' });
  await sim.patchTemplate(tmpl.id, { status: 'PAUSED' });
  assert.equal((await sim.graph(`/v25.0/${tmpl.id}`)).json.status, 'PAUSED');
  await sim.deleteTemplate(tmpl.id);
  assert.equal((await sim.graph(`/v25.0/${tmpl.id}`)).json.error.error_subcode, 33);
  await sim.patchAccount('1002', { name: 'Renamed' });
  assert.equal((await sim.graph('/v25.0/1002')).json.name, 'Renamed');

  const refuse = async (method, path, body, status, field) => {
    const answer = await graph(sim.url, `/_sim${path}`, { method, body });
    assert.equal(answer.status, status, answer.text);
    if (field) assert.equal(answer.json.error.details[0].field, field);
  };
  await refuse('PATCH', '/numbers/7', {}, 404);
  await refuse('PATCH', '/numbers/1001', {}, 404); // an account
  await refuse('PATCH', '/numbers/106540352242910', { status: 'FINE' }, 400, 'status');
  await refuse('PATCH', '/numbers/106540352242910', { id: '8' }, 400, 'id');
  await refuse('POST', '/accounts/1001/numbers', { verified_name: 'x' }, 400, 'display_phone_number');
  await refuse('PUT', '/scenario', { app: APP, accounts: [{ id: '1' }] }, 400, 'accounts[0].name');
  await refuse('PUT', '/faults', [{ kind: 'fire' }], 400, 'faults[0].kind');
  await refuse('GET', '/nothing', undefined, 404);
  assert.equal((await sim.scenario()).accounts[1].name, 'Renamed'); // nothing was replaced

  await sim.reset();
  assert.deepEqual(await sim.scenario(), before);
});

test('the control API remembers requests, without their tokens', async (t) => {
  const sim = await start(t);
  await sim.clearRequests();
  await graph(sim.url, '/v25.0/1001/phone_numbers?limit=2&access_token=t-all');
  await sim.graph('/v25.0/7');
  await sim.scenario(); // not one of them
  const requests = await sim.requests();
  assert.deepEqual(requests.map(({ method, path, query, status }) => ({ method, path, query, status })), [
    { method: 'GET', path: '/v25.0/1001/phone_numbers', query: 'limit=2&access_token', status: 200 },
    { method: 'GET', path: '/v25.0/7', query: '', status: 400 },
  ]);
  const [, ...lines] = sim.log().split('\n'); // the first one is the ready line
  assert.ok(lines.length > 2);
  assert.doesNotMatch(lines.join('\n'), /t-all/);
});

test('the demo scenario: names in two scripts, statuses of all kinds', async (t) => {
  const sim = await start(t, { numbers: 30 });
  const { accounts } = await sim.scenario();
  assert.equal(accounts[0].numbers.length, 30);
  assert.ok(accounts[0].templates.length >= 25);
  assert.ok(accounts[0].numbers.some((n) => /\p{Script=Arabic}/u.test(n.verified_name)));
  assert.ok(new Set(accounts[0].numbers.map((n) => n.status)).size >= 4);
  assert.match(sim.log(), new RegExp(`account ${sim.wabaId}, token ${sim.token}`));
  const page = await sim.graph(`/v25.0/${sim.wabaId}/phone_numbers`);
  assert.equal(page.json.data.length, 25); // Meta's default limit
});

test('the example scenarios are good ones', async (t) => {
  const folder = new URL('../../share/scenarios/', import.meta.url).pathname;
  const files = await readdir(folder);
  assert.ok(files.length > 0);
  for (const file of files) {
    const sim = await start(t, { scenario: folder + file });
    assert.equal((await sim.graph(`/v25.0/${sim.wabaId}/phone_numbers`)).status, 200, file);
    await sim.stop();
  }
});

test('a wrong scenario is refused with the path of what is wrong', async () => {
  await assert.rejects(startSim({ scenario: { app: APP, accounts: [{ id: 'x', name: 'W' }] } }),
                       /accounts\[0\]\.id must be an id/);
});

test('it stops at once, even with a delayed answer in hand', async (t) => {
  const sim = await start(t);
  await sim.putFaults([{ kind: 'latency', ms: 60_000, times: 1 }]);
  const pending = assert.rejects(sim.graph('/v25.0/1001'));
  while ((await sim.control('GET', '/faults')).length); // until the request has arrived
  const begin = Date.now();
  assert.deepEqual(await sim.stop(), { code: 0, signal: null });
  assert.ok(Date.now() - begin < 5000);
  await pending;
});
