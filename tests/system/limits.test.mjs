// Rate limits (developer-api.md §1.6): the default plan, plans of workspaces, failures of
// authentication by address, and what a restart keeps.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { call, run, runJson, sign, temporaryFolder } from './lib/hudhud.mjs';
import { sleep, startWorld } from './lib/world.mjs';

const NUMBERS = '/waba-numbers';

function rate(answer) {
  const number = (name) => {
    const text = answer.headers.get(name);
    return text === null ? null : Number(text);
  };
  return {
    limit: number('x-ratelimit-limit'),
    remaining: number('x-ratelimit-remaining'),
    reset: number('x-ratelimit-reset'),
  };
}

async function setPlan(world, limits) {
  await world.cli(['plan', 'set', '--domain', 'acme', '-'], { input: JSON.stringify({ limits }) });
}

function assertRateLimited(answer) {
  assert.equal(answer.status, 429, answer.text);
  assert.equal(answer.json.error, 'rate_limit_exceeded');
  assert.match(answer.json.message, /\S/);
  assert.match(answer.json.request_id, /^req_/);
  assert.match(answer.headers.get('content-type'), /^application\/json/);
  assert.match(answer.headers.get('retry-after'), /^[1-9]\d*$/);
}

test('each endpoint has its default limit', async (t) => {
  const world = await startWorld(t, { limits: true });
  const plan = await runJson(['plan', 'show', '--domain', 'acme', '--data', world.data]);
  const example = JSON.parse((await world.cli(['plan', 'example'])).stdout);
  assert.ok(plan.length >= 8);
  for (const { endpoint, limit, from } of plan) {
    const reads = endpoint.startsWith('GET ') || endpoint === 'other reads';
    assert.equal(limit, reads ? '200/min' : '100/min', endpoint);
    assert.equal(from, 'default');
    assert.equal(example.limits[endpoint], limit, endpoint);
  }
  const calls = [
    ['GET', NUMBERS, 200], ['GET', '/waba-numbers/1', 200], ['GET', '/waba-numbers/1/history', 200],
    ['GET', '/nothing-here', 200], ['POST', NUMBERS, 100], ['POST', '/waba-numbers/1/sync', 100],
    ['DELETE', '/waba-numbers/5', 100], ['POST', '/nothing-here', 100],
  ];
  for (const [method, target, limit] of calls) {
    const answer = await world.call(method, target);
    assert.equal(rate(answer).limit, limit, `${method} ${target}: ${answer.text}`);
  }
});

test('the headers are on every answer to who signed, and on no other', async (t) => {
  const world = await startWorld(t, { limits: true });
  const first = await world.call('GET', NUMBERS);
  const now = Math.floor(Date.now() / 1000);
  assert.deepEqual({ ...rate(first), reset: 0 }, { limit: 200, remaining: 199, reset: 0 });
  assert.ok(rate(first).reset > now + 50 && rate(first).reset <= now + 61);
  const again = await world.call('GET', NUMBERS, undefined,
    { 'If-None-Match': first.headers.get('etag') });
  assert.equal(again.status, 304);
  assert.deepEqual(rate(again), { ...rate(first), remaining: 198 });
  const wrong = await world.call('GET', '/waba-numbers?include=elephants');
  assert.equal(wrong.status, 400);
  assert.deepEqual(rate(wrong), { ...rate(first), remaining: 197 });

  assert.equal(rate(await world.call('GET', '/waba-numbers/1')).remaining, 199); // its own window
  assert.equal(rate(await world.call('GET', '/waba-numbers/99')).remaining, 198); // 404, the same
  assert.equal(rate(await world.call('PUT', NUMBERS, {})).limit, 100); // 405
  assert.equal(rate(await world.call('POST', NUMBERS, {})).limit, 100); // 400
  assert.equal(rate(await world.call('POST', '/waba-numbers/1/sync')).limit, 100);

  const refused = await call(world.url, 'GET', NUMBERS, { ...world.creds, secret: 'wrong' });
  assert.equal(refused.status, 401);
  assert.deepEqual(rate(refused), { limit: null, remaining: null, reset: null });
});

test('over the limit it is 429 until the window ends', async (t) => {
  const world = await startWorld(t, { limits: true });
  await setPlan(world, { 'GET /waba-numbers': '2/s', 'GET /waba-numbers/{id}': '2/min' });
  for (const remaining of [1, 0])
    assert.equal(rate(await world.call('GET', '/waba-numbers/1')).remaining, remaining);
  const over = await world.call('GET', '/waba-numbers/2'); // the same endpoint
  assertRateLimited(over);
  assert.equal(rate(over).limit, 2);
  assert.equal(rate(over).remaining, 0);
  const wait = rate(over).reset - Math.floor(Date.now() / 1000);
  assert.ok(Math.abs(wait - Number(over.headers.get('retry-after'))) <= 1);
  assert.equal((await world.call('GET', NUMBERS)).status, 200); // others go on

  let passed = 0;
  for (let refused = 0; refused < 2;) { // two windows of a second, each exact
    const answer = await world.call('GET', NUMBERS);
    if (answer.status === 200) { passed++; continue; }
    assertRateLimited(answer);
    refused++;
    await sleep(1100);
  }
  assert.ok(passed >= 2 && passed <= 4, String(passed));
  assert.equal((await world.call('GET', NUMBERS)).status, 200);
});

test('the limit is exact over four loops, and each client has its own', async (t) => {
  const world = await startWorld(t, { limits: true, args: ['--threads', '4'] });
  const other = await runJson(
    ['client', 'create', '--domain', 'acme', '--name', 'other', '--data', world.data]);
  const answers = await Promise.all(Array.from({ length: 300 }, () =>
    world.call('GET', NUMBERS, undefined, { Connection: 'close' })));
  const passed = answers.filter((a) => a.status === 200);
  assert.equal(passed.length, 200);
  assert.ok(answers.every((a) => a.status === 200 || a.status === 429));
  const left = passed.map((a) => rate(a).remaining).sort((a, b) => a - b);
  assert.deepEqual(left, Array.from({ length: 200 }, (_, i) => i)); // each number once
  const creds = { domain: 'acme', clientId: other.client_id, secret: other.hmac_secret };
  assert.equal(rate(await call(world.url, 'GET', NUMBERS, creds)).remaining, 199);
});

test('a plan is in force at once on all loops, without a restart', async (t) => {
  const world = await startWorld(t, { limits: true, args: ['--threads', '4'] });
  const ask = () => world.call('GET', NUMBERS, undefined, { Connection: 'close' });
  const limits = async () => {
    const answers = await Promise.all(Array.from({ length: 16 }, ask));
    return answers.map((a) => rate(a).limit);
  };
  assert.ok((await limits()).every((l) => l === 200));
  await setPlan(world, { 'GET /waba-numbers': '1000/h' });
  assert.ok((await limits()).every((l) => l === 1000));
  assert.equal(rate(await ask()).remaining, 1000 - 33); // what was counted stays counted
  await setPlan(world, { 'GET /waba-numbers': 'unlimited', 'other reads': '1/day' });
  assert.ok((await limits()).every((l) => l === null));
  const shown = await world.cli(['plan', 'show', '--domain', 'acme']);
  assert.match(shown.stdout, /GET \/waba-numbers +unlimited +own\n/);
  assert.match(shown.stdout, /other reads +1\/day +own\n/);
  await world.restart();
  assert.equal(rate(await ask()).limit, null); // it is in the database
  await world.cli(['plan', 'reset', '--domain', 'acme']);
  assert.equal(rate(await ask()).limit, 200);
});

test('the plan of one workspace is not another one\'s', async (t) => {
  const world = await startWorld(t, { limits: true });
  await world.cli(['workspace', 'create', 'Other', '--domain', 'other']);
  const client = await runJson(
    ['client', 'create', '--domain', 'other', '--name', 'x', '--data', world.data]);
  const creds = { domain: 'other', clientId: client.client_id, secret: client.hmac_secret };
  await setPlan(world, { 'GET /waba-numbers': '7/h' });
  assert.equal(rate(await world.call('GET', NUMBERS)).limit, 7);
  assert.equal(rate(await call(world.url, 'GET', NUMBERS, creds)).limit, 200);
});

test('a plan that is wrong is refused, and changes nothing', async (t) => {
  const world = await startWorld(t, { limits: true });
  const set = (input, file = '-') => run(
    ['plan', 'set', '--domain', 'acme', file, '--data', world.data], { input });
  const cases = [
    ['{"limits":{"GET /waba-number":"1/h"}}', /GET \/waba-number: .*did you mean 'GET \/waba-numbers'/],
    ['{"limits":{"GET /waba-numbers":"0/h"}}', /GET \/waba-numbers: must be N\/s, N\/min/],
    ['{"limits":{"GET /waba-numbers":"5/week"}}', /must be N\/s/],
    ['{"limits":{"GET /waba-numbers":16777216}}', /must be N\/s/],
    ['{"limit":{}}', /limit: unknown field; did you mean 'limits'/],
    ['{}', /limits: is required/],
    ['[]', /JSON object/],
    ['{"limits":', /not JSON/],
    ['', /- is empty; begin with the whole default plan: hudhud plan example/],
  ];
  for (const [input, expected] of cases) {
    const { status, stderr } = await set(input);
    assert.notEqual(status, 0, input);
    assert.match(stderr, expected, input);
  }
  assert.match((await set('', '/nowhere/plan.json')).stderr, /nowhere\/plan\.json/);
  const nobody = await run(['plan', 'show', '--domain', 'nobody', '--data', world.data]);
  assert.match(nobody.stderr, /Workspace not found: nobody/);
  assert.equal(rate(await world.call('GET', NUMBERS)).limit, 200);
});

test('the example is a plan, and a file is taken', async (t) => {
  const world = await startWorld(t, { limits: true, link: false });
  const file = path.join(temporaryFolder(), 'plan.json');
  writeFileSync(file, (await world.cli(['plan', 'example'])).stdout);
  const plan = await runJson(['plan', 'set', '--domain', 'acme', file, '--data', world.data]);
  assert.ok(plan.every(({ from }) => from === 'own'));
  assert.equal(rate(await world.call('GET', NUMBERS)).limit, 200);
});

// --- failures of authentication ------------------------------------------------------------------

// `n` calls with a wrong signature -> their statuses. Each has its own, as the same again may be.
async function fail(world, n, headers = {}) {
  const statuses = [];
  for (let i = 0; i < n; i++) {
    const answer = await call(world.url, 'GET', `${NUMBERS}?n=${i}`,
      { ...world.creds, secret: 'wrong' }, { headers });
    statuses.push(answer.status);
    if (answer.status === 429) {
      assertRateLimited(answer);
      assert.equal(rate(answer).limit, null);
    }
  }
  return statuses;
}

const refused = (n) => Array(n).fill(401);

test('61 wrong signatures of an address are 429; a good one passes all the same', async (t) => {
  const world = await startWorld(t, { limits: true });
  assert.deepEqual(await fail(world, 60), refused(60));
  assert.deepEqual(await fail(world, 3), [429, 429, 429]);
  assert.equal((await world.call('GET', NUMBERS)).status, 200);

  // Every refusal of authentication is one, and no other answer is.
  const bare = await fetch(`${world.url}/api/developer${NUMBERS}`);
  assert.equal(bare.status, 429);
  const old = await call(world.url, 'GET', NUMBERS, { ...world.creds, timestamp: 1 });
  assert.equal(old.status, 429);
  assert.equal((await world.call('GET', '/nothing')).status, 404);
  assert.equal((await fetch(`${world.url}/elsewhere`)).status, 404);
});

test('all kinds of refusal are counted together', async (t) => {
  const world = await startWorld(t, { limits: true, args: ['--auth-failure-limit', '4/h'] });
  assert.equal((await fetch(`${world.url}/api/developer${NUMBERS}`)).status, 400);
  const malformed = { ...sign('GET', NUMBERS, '', world.creds), 'X-Timestamp': 'now' };
  const answer = await fetch(`${world.url}/api/developer${NUMBERS}`, { headers: malformed });
  assert.equal((await answer.json()).error, 'invalid_headers');
  assert.deepEqual(await fail(world, 1), [401]);
  const old = { ...world.creds, timestamp: 1 };
  assert.equal((await call(world.url, 'GET', NUMBERS, old)).status, 403);
  const over = await call(world.url, 'GET', NUMBERS, old);
  assertRateLimited(over);
  assert.ok(Number(over.headers.get('retry-after')) > 3500);
});

test('behind a trusted proxy the forwarded address counts', async (t) => {
  const world = await startWorld(t,
    { limits: true, args: ['--trusted-proxies', '127.0.0.1,10.0.0.0/8', '--auth-failure-limit', '5/h'] });
  const from = (...fields) => fail(world, 1, { 'X-Forwarded-For': fields.join(', ') });
  for (let i = 0; i < 5; i++) assert.deepEqual(await from('198.51.100.1'), [401]);
  assert.deepEqual(await from('198.51.100.1'), [429]);
  assert.deepEqual(await from('198.51.100.2'), [401]); // its neighbour is another
  assert.deepEqual(await from('203.0.113.5', '198.51.100.1'), [429]); // what it made up itself
  assert.deepEqual(await from('198.51.100.1', '10.0.0.7'), [429]); // through one more proxy
  assert.deepEqual(await from('198.51.100.1:4711'), [429]);

  for (let i = 1; i <= 5; i++) assert.deepEqual(await from(`2001:db8::${i}`), [401]);
  assert.deepEqual(await from('2001:db8::ffff'), [429]); // one IPv6 network of 64 bits
  assert.deepEqual(await from('2001:db8:0:1::1'), [401]);

  // Malformed, empty, or proxies only: the proxy's own address.
  assert.deepEqual(await from('unknown'), [401]);
  assert.deepEqual(await from('198.51.100.9', '_hidden'), [401]);
  assert.deepEqual(await from('10.0.0.7'), [401]);
  assert.deepEqual(await from(''), [401]);
  assert.deepEqual(await fail(world, 2), [401, 429]);
  assert.equal((await world.call('GET', NUMBERS)).status, 200);
});

test('nobody else is believed about whom he speaks for', async (t) => {
  const world = await startWorld(t,
    { limits: true, args: ['--trusted-proxies', '10.0.0.0/8', '--auth-failure-limit', '5/h'] });
  for (let i = 0; i < 5; i++)
    assert.deepEqual(await fail(world, 1, { 'X-Forwarded-For': `198.51.100.${i}` }), [401]);
  assert.deepEqual(await fail(world, 1, { 'X-Forwarded-For': '198.51.100.99' }), [429]);
});

// --- restarts ------------------------------------------------------------------------------------

test('a restart keeps the counts', async (t) => {
  const world = await startWorld(t, { args: ['--auth-failure-limit', '3/h'] });
  await setPlan(world, { 'GET /waba-numbers': '10/h' });
  for (let i = 0; i < 6; i++) await world.call('GET', NUMBERS);
  const before = rate(await world.call('GET', NUMBERS));
  assert.equal(before.remaining, 3);
  assert.deepEqual(await fail(world, 4), [401, 401, 401, 429]);
  await world.restart();
  const after = rate(await world.call('GET', NUMBERS));
  assert.deepEqual(after, { ...before, remaining: 2 });
  assert.deepEqual(await fail(world, 1), [429]);
});

test('kill -9 loses the counts of the last second at most', async (t) => {
  const world = await startWorld(t);
  await setPlan(world, { 'GET /waba-numbers': '1000/h' });
  for (let i = 0; i < 20; i++) await world.call('GET', NUMBERS);
  await sleep(2500);
  await world.server.kill9();
  await world.restart();
  assert.equal(rate(await world.call('GET', NUMBERS)).remaining, 1000 - 21);
});
