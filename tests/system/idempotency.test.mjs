// A request that arrives twice has one effect (developer-api.md §1.3): repeated by an impatient
// client, by a proxy, by somebody who captured it, or after a crash.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { call, runJson, sign, startServe, storeSql } from './lib/hudhud.mjs';
import { assertSound, fillDisk, freeDisk } from './lib/store.mjs';
import { admin, exchange } from './lib/wire.mjs';
import { eventually, scenarioOf, startWorld, sleep } from './lib/world.mjs';

// One request as it stands, so that it can be sent again byte for byte -> the answer;
// null when the connection broke.
function send(url, { method, where, headers, body }, base = '/api/developer') {
  return exchange({ url: `${url}${base}${where}`, method, headers, agent: false }, body).catch(() => null);
}

function make(method, where, creds, { body, key } = {}) {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const headers = sign(method, where, text, creds);
  if (text !== undefined) headers['Content-Type'] = 'application/json';
  if (key !== undefined) headers['Idempotency-Key'] = key;
  return { method, where, headers, body: text };
}

const replayed = (answer) => answer.headers['idempotent-replayed'] === 'true';
const linking = (world) => ({ waba_id: world.sim.wabaId, access_token: world.sim.token });
const questions = async (world, method, part) => (await world.sim.requests())
  .filter((r) => r.method === method && r.path.includes(part)).length;

async function secondClient(world) {
  const made = await runJson(['client', 'create', '--domain', 'acme', '--name', 'second', '--data', world.data]);
  return { domain: 'acme', clientId: made.client_id, secret: made.hmac_secret };
}

for (const key of ['one', undefined]) {
  const named = key ? 'one key' : 'one signature';

  test(`fifty at once with ${named}: a WRITE has one effect and one answer`, async (t) => {
    const world = await startWorld(t);
    const request = make('DELETE', '/waba-numbers/1', world.creds, { key });
    const answers = await Promise.all(Array.from({ length: 50 }, () => send(world.url, request)));
    const first = answers.filter((a) => !replayed(a));
    assert.equal(first.length, 1);
    for (const answer of answers) {
      assert.equal(answer.status, 200, answer.text);
      assert.equal(answer.text, first[0].text);
    }
    assert.equal((await world.call('GET', '/waba-numbers')).json.data.length, 4);
  });

  test(`fifty at once with ${named}: a LIVE call asks Meta once`, async (t) => {
    const world = await startWorld(t, { link: false });
    await world.sim.putFaults([{ kind: 'latency', ms: 300, match: { path_contains: 'subscribed_apps' } }]);
    const request = make('POST', '/waba-numbers', world.creds, { key, body: linking(world) });
    const answers = await Promise.all(Array.from({ length: 50 }, () => send(world.url, request)));
    const linked = answers.filter((a) => a.status === 201);
    assert.ok(linked.length >= 1);
    for (const answer of answers) {
      if (answer.status === 201) {
        assert.equal(answer.text, linked[0].text);
        continue;
      }
      assert.equal(answer.status, 409, answer.text);
      assert.equal(answer.json.error, 'request_in_progress');
      assert.match(answer.headers['retry-after'], /^[1-9]\d*$/);
    }
    assert.equal(linked.filter((a) => !replayed(a)).length, 1);
    assert.equal(await questions(world, 'POST', 'subscribed_apps'), 1);
    const again = await send(world.url, request);
    assert.equal(again.status, 201);
    assert.ok(replayed(again));
    assert.equal(again.text, linked[0].text);
  });
}

test('a captured request, sent again byte for byte, has no second effect', async (t) => {
  const world = await startWorld(t, { link: false });
  const request = make('POST', '/waba-numbers', world.creds, { body: linking(world) });
  const first = await send(world.url, request);
  assert.equal(first.status, 201, first.text);
  assert.ok(!replayed(first));
  assert.equal((await world.call('DELETE', '/waba-numbers/1')).status, 200);
  const asked = (await world.sim.requests()).length;
  // As it was, under the other spelling of its address, and with a key that somebody added.
  const keyed = { ...request, headers: { ...request.headers, 'Idempotency-Key': 'mine' } };
  for (const [other, base] of [[request], [request, '/api/v1/developer'], [keyed]]) {
    const answer = await send(world.url, other, base);
    assert.equal(answer.status, 201, answer.text);
    assert.ok(replayed(answer));
    assert.equal(answer.text, first.text);
    assert.notEqual(answer.headers['x-request-id'], first.headers['x-request-id']);
  }
  assert.equal((await world.sim.requests()).length, asked, 'Meta is not asked again');
  assert.equal((await world.call('GET', '/waba-numbers')).json.data.length, 4, 'number 1 stays away');
  await world.restart();
  assert.ok(replayed(await send(world.url, request)), 'a restart forgets nothing');
});

test('another body, query, path or method under a key is refused', async (t) => {
  const world = await startWorld(t);
  const key = 'k';
  const first = await send(world.url, make('POST', '/waba-numbers/1/sync?a=1', world.creds, { key, body: {} }));
  assert.equal(first.status, 200, first.text);
  const others = [
    make('POST', '/waba-numbers/1/sync?a=1', world.creds, { key }),
    make('POST', '/waba-numbers/1/sync?a=2', world.creds, { key, body: {} }),
    make('POST', '/waba-numbers/1/sync', world.creds, { key, body: {} }),
    make('POST', '/waba-numbers/2/sync?a=1', world.creds, { key, body: {} }),
    make('DELETE', '/waba-numbers/2', world.creds, { key }),
    make('POST', '/waba-numbers', world.creds, { key, body: {} }),
  ];
  for (const other of others) {
    const answer = await send(world.url, other);
    assert.equal(answer.status, 422, `${other.method} ${other.where}: ${answer.text}`);
    assert.equal(answer.json.error, 'idempotency_key_reused');
    assert.ok(!replayed(answer));
  }
  assert.equal((await world.call('GET', '/waba-numbers')).json.data.length, 5);
  assert.ok(replayed(await send(world.url, make('POST', '/waba-numbers/1/sync?a=1', world.creds, { key, body: {} }))));
});

test('keys of two clients have nothing to do with each other', async (t) => {
  const world = await startWorld(t);
  const second = await secondClient(world);
  assert.equal((await send(world.url, make('DELETE', '/waba-numbers/1', world.creds, { key: 'k' }))).status, 200);
  const other = await send(world.url, make('DELETE', '/waba-numbers/2', second, { key: 'k' }));
  assert.equal(other.status, 200, other.text);
  assert.ok(!replayed(other));
  const gone = await send(world.url, make('DELETE', '/waba-numbers/1', second, { key: 'k2' }));
  assert.equal(gone.status, 404);
});

test('a refusal is kept with a key, and not without one', async (t) => {
  const world = await startWorld(t, { link: false });
  const cases = [
    ['POST', '/waba-numbers', { body: {} }, 400],
    ['POST', '/waba-numbers', { body: { waba_id: 'x' } }, 400],
    ['DELETE', '/waba-numbers/1', {}, 404],
    ['POST', '/waba-numbers/1/sync', {}, 404],
    ['POST', '/waba-numbers', { body: { waba_id: world.sim.wabaId, access_token: 'wrong' } }, 422],
  ];
  for (const [i, [method, where, options, status]] of cases.entries()) {
    const keyed = (ago) => make(method, where, { ...world.creds, timestamp: Math.floor(Date.now() / 1000) - ago },
      { ...options, key: `k${i}` });
    const first = await send(world.url, keyed(0));
    assert.equal(first.status, status, first.text);
    assert.ok(!replayed(first));
    const again = await send(world.url, keyed(7));
    assert.equal(again.status, status);
    assert.ok(replayed(again), `${method} ${where}`);
    assert.equal(again.text, first.text, 'the same to the byte, with the first request id');
    const without = make(method, where, world.creds, options);
    for (let n = 0; n < 2; n++) {
      const answer = await send(world.url, without);
      assert.equal(answer.status, status);
      assert.ok(!replayed(answer));
    }
  }
  // Kept for good: the reason is gone, and the answer stays.
  assert.equal((await world.link()).status, 201);
  const kept = await send(world.url, make('DELETE', '/waba-numbers/1', world.creds, { key: 'k2' }));
  assert.equal(kept.status, 404);
  assert.equal((await send(world.url, make('DELETE', '/waba-numbers/1', world.creds))).status, 200);
});

test('what is no answer to the request is not kept', async (t) => {
  const world = await startWorld(t, { link: false });
  const request = make('POST', '/waba-numbers', world.creds, { key: 'k', body: linking(world) });
  const bad = make('POST', '/waba-numbers', { ...world.creds, secret: 'another' }, { key: 'k', body: {} });
  assert.equal((await send(world.url, bad)).status, 401);
  const late = make('POST', '/waba-numbers', { ...world.creds, timestamp: 1704124800 }, { key: 'k', body: {} });
  assert.equal((await send(world.url, late)).status, 403);
  assert.equal((await send(world.url, make('PUT', '/waba-numbers', world.creds, { key: 'k' }))).status, 405);
  assert.equal((await send(world.url, make('POST', '/nothing', world.creds, { key: 'k' }))).status, 404);
  const text = make('POST', '/waba-numbers', world.creds, { key: 'k', body: {} });
  text.headers['Content-Type'] = 'text/plain';
  assert.equal((await send(world.url, text)).status, 415);
  for (const [kind, status] of [['status_5xx', 503], ['html', 502], ['cut', 503], ['throttle', 503]]) {
    await world.sim.putFaults([{ kind }]);
    const answer = await send(world.url, request);
    assert.equal(answer.status, status, answer.text);
    assert.ok(!replayed(answer));
  }
  await world.sim.clearFaults();
  const answer = await send(world.url, request);
  assert.equal(answer.status, 201, answer.text);
  assert.ok(!replayed(answer));
});

test('the form of a key', async (t) => {
  const world = await startWorld(t);
  const bad = ['', 'x'.repeat(256), 'tab\there', 'caf\u00e9', ['a', 'b']];
  for (const key of bad) {
    const answer = await send(world.url, make('DELETE', '/waba-numbers/1', world.creds, { key }));
    assert.equal(answer.status, 400, `${key}: ${answer.text}`);
    assert.equal(answer.json.error, 'invalid_headers');
    assert.ok(answer.json.details['Idempotency-Key'], answer.text);
  }
  for (const [i, key] of ['x', 'x'.repeat(255), 'a b ~!"key:'].entries()) {
    const request = make('DELETE', `/waba-numbers/${i + 1}`, world.creds, { key });
    const answer = await send(world.url, request);
    assert.equal(answer.status, 200, answer.text);
    assert.ok(replayed(await send(world.url, request)));
  }
});

test('a key means nothing on a GET, nor to the administration', async (t) => {
  const world = await startWorld(t);
  for (const key of ['k', 'x'.repeat(256)]) {
    for (let n = 0; n < 2; n++) {
      const answer = await send(world.url, make('GET', '/waba-numbers', world.creds, { key }));
      assert.equal(answer.status, 200);
      assert.ok(!replayed(answer));
    }
  }
  const create = () => admin(
    world.data, 'POST', '/workspaces/acme/clients', { name: 'c' }, { 'Idempotency-Key': 'k' });
  const [first, second] = [await create(), await create()];
  assert.notEqual(first.json.data.client_id, second.json.data.client_id);
  assert.ok(!replayed(second));
});

test('a store that cannot keep an answer: 503, and nothing was kept', async (t) => {
  const world = await startWorld(t);
  const requests = [
    make('DELETE', '/waba-numbers/1', world.creds, { key: 'effect' }),
    make('POST', '/waba-numbers', world.creds, { key: 'refusal', body: {} }),
    make('POST', '/waba-numbers/2/sync', world.creds, { key: 'live' }),
  ];
  fillDisk(world);
  for (const request of requests) {
    const answer = await send(world.url, request);
    assert.equal(answer.status, 503, `${request.where}: ${answer.text}`);
    assert.equal(answer.json.error, 'service_unavailable');
    assert.equal(answer.json.details, undefined);
    assert.match(answer.headers['retry-after'], /^\d+$/);
  }
  freeDisk(world);
  for (const [i, status] of [200, 400, 200].entries()) {
    const answer = await send(world.url, requests[i]);
    assert.equal(answer.status, status, answer.text);
    assert.ok(!replayed(answer));
    assert.ok(replayed(await send(world.url, requests[i])));
  }
});

test('what expired is removed while the server runs, and nothing else', async (t) => {
  const world = await startWorld(t);
  assert.equal((await world.call('DELETE', '/waba-numbers/1')).status, 200);
  await world.server.stop();
  const before = storeSql(world.data, 'SELECT count(*) FROM idempotency');
  storeSql(world.data, `WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
    INSERT INTO idempotency (client_id, key, fingerprint, state, status, body, created_at, expires_at)
    SELECT client_id, 'key:old' || i, fingerprint, 'done', 200, '{}', 0, 1
    FROM n, (SELECT * FROM idempotency LIMIT 1) one`);
  await world.restart();
  const count = (where) => storeSql(world.data, `SELECT count(*) FROM idempotency WHERE ${where}`,
    { readOnly: true });
  await eventually(() => count("key LIKE 'key:old%'") === '0', { timeout: 15000, what: 'the removal of what expired' });
  assert.equal(count('true'), before);
});

test('a call that was cut by kill -9 before its effect may be sent again at once', async (t) => {
  const world = await startWorld(t, { link: false });
  await world.sim.putFaults([{ kind: 'latency', ms: 5000 }]);
  const request = make('POST', '/waba-numbers', world.creds, { key: 'k', body: linking(world) });
  const cut = send(world.url, request);
  const claimed = () => storeSql(world.data, "SELECT count(*) FROM idempotency WHERE state = 'running'",
    { readOnly: true }) === '1';
  await eventually(claimed, { what: 'a claim' });
  assert.equal((await send(world.url, request)).status, 409);
  await world.server.kill9();
  assert.equal(await cut, null);
  await world.sim.clearFaults();
  const server = await startServe({ data: world.data, graphUrl: world.sim.url });
  t.after(() => server.stop());
  const answer = await send(server.url, request);
  assert.equal(answer.status, 201, answer.text);
  assert.ok(!replayed(answer));
});

// Each round links an account and unlinks its number, with retries of both, and the server dies
// somewhere in between. A second effect would tell: linking again is a conflict, unlinking again a 404.
test('kill -9 between effect and answer: retries have exactly one effect', { timeout: 280000 }, async (t) => {
  const rounds = 24;
  const scenario = scenarioOf([{ id: '1000' }]);
  for (let i = 1; i < rounds; i++) {
    const waba = String(900 + i);
    const { accounts: [account] } = scenarioOf([{ id: String(1000 + i) }], { waba, templates: 0 });
    account.numbers[0].display_phone_number = `+966 50 111 ${1000 + i}`;
    scenario.accounts.push(account);
    scenario.tokens[0].accounts.push(waba);
  }
  const { sim, data, creds, server: started } = await startWorld(t, { sim: { scenario }, link: false });
  let server = started;
  t.after(() => server.stop());
  const found = { between: 0, unanswered: 0, replayed: 0 };

  // Sends until there is an answer that is one; in between the server dies once, when `moment` comes.
  const sendThroughCrash = async (request, moment) => {
    const first = send(server.url, request);
    await moment(server);
    await server.kill9();
    const answered = await first;
    await assertSound(data);
    if (storeSql(data, "SELECT count(*) FROM idempotency WHERE state = 'applied'") !== '0') found.between++;
    server = await startServe({ data, graphUrl: sim.url });
    const again = await send(server.url, request);
    if (!answered) found.unanswered++;
    if (replayed(again)) found.replayed++;
    if (answered) {
      assert.ok(replayed(again), 'what was answered is known');
      assert.equal(again.text, answered.text);
    }
    const last = await send(server.url, request);
    assert.ok(replayed(last));
    assert.equal(last.text, again.text);
    return again;
  };

  for (let i = 0; i < rounds; i++) {
    const waba = String(900 + i), number = String(1000 + i);
    const key = i % 2 ? `round ${i}` : undefined;
    const link = make('POST', '/waba-numbers', creds, { key, body: { waba_id: waba, access_token: sim.token } });
    const linked = await sendThroughCrash(link, i % 3 ? (s) => eventually(() => s.log().includes('account_linked'),
      { pause: 0 }) : () => sleep(Math.random() * 30));
    assert.equal(linked.status, 201, linked.text);
    assert.equal(linked.json.data[0].phone_number_id, number);
    const unlink = make('DELETE', `/waba-numbers/${number}`, creds, { key: key && `${key} unlinks` });
    const unlinked = await sendThroughCrash(unlink, () => sleep(Math.random() * 6));
    assert.equal(unlinked.status, 200, unlinked.text);
  }
  const list = await call(server.url, 'GET', '/waba-numbers', creds);
  assert.equal(list.status, 404, 'each was unlinked');
  t.diagnostic(JSON.stringify(found));
  assert.ok(found.unanswered >= rounds / 2, `${found.unanswered} unanswered`);
  assert.ok(found.between >= 1, 'an effect without an answer was met');
});
