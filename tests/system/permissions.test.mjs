// What a client may do (developer-api.md §1.2, permission_denied): read-only, some resources, some
// numbers; in force at once.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { call, run, runJson, storeSql } from './lib/hudhud.mjs';
import { startWorld } from './lib/world.mjs';

const NUMBERS = '/waba-numbers';

// A client of its own for a test, with these options of `client create`.
async function createLimited(world, options) {
  const client = await runJson(['client', 'create', '--domain', 'acme', '--name', 'limited', ...options,
    '--data', world.data]);
  const creds = { domain: 'acme', clientId: client.client_id, secret: client.hmac_secret };
  return {
    id: client.client_id,
    call: (method, path, body) => call(world.url, method, path, creds,
      { body: body === undefined ? undefined : JSON.stringify(body) }),
    permit: (...more) => world.cli(
      ['client', 'permit', '--domain', 'acme', client.client_id, ...more]),
  };
}

function assertDenied(answer, why) {
  assert.equal(answer.status, 403, answer.text);
  assert.equal(answer.json.error, 'permission_denied');
  assert.match(answer.json.message, why);
  assert.ok(answer.headers.get('x-ratelimit-limit'), 'a denied call is a call');
}

async function listRow(world, id) {
  const rows = await runJson(['client', 'list', '--domain', 'acme', '--data', world.data]);
  return rows.find((row) => row.client_id === id);
}

test('a client may do everything unless it is limited', async (t) => {
  const world = await startWorld(t, { limits: true });
  const row = await listRow(world, world.creds.clientId);
  assert.deepEqual([row.access, row.resources, row.numbers], ['full', 'all', 'all']);
  assert.equal((await world.call('POST', '/waba-numbers/1/sync')).status, 200);
});

test('a read-only client reads, and changes nothing', async (t) => {
  const world = await startWorld(t, { limits: true });
  const client = await createLimited(world, ['--read-only']);
  for (const path of [NUMBERS, '/waba-numbers/1', '/waba-numbers/1/history'])
    assert.equal((await client.call('GET', path)).status, 200, path);
  const only = /may only read/;
  assertDenied(await client.call('POST', '/waba-numbers/1/sync'), only);
  assertDenied(await client.call('DELETE', '/waba-numbers/1'), only);
  assertDenied(await client.call('POST', NUMBERS,
    { waba_id: world.sim.wabaId, access_token: world.sim.token }), only);
  assert.equal((await client.call('GET', '/waba-numbers/1')).status, 200);
  assert.equal((await listRow(world, client.id)).access, 'read');

  await client.permit('--full');
  assert.equal((await client.call('POST', '/waba-numbers/1/sync')).status, 200);
  await client.permit('--read-only');
  assertDenied(await client.call('DELETE', '/waba-numbers/2'), only);
});

test('a client with some resources has no others', async (t) => {
  const world = await startWorld(t, { limits: true });
  const client = await createLimited(world, ['--resources', 'waba-numbers']);
  assert.equal((await client.call('GET', NUMBERS)).status, 200);
  assert.equal((await client.call('POST', '/waba-numbers/1/sync')).status, 200);
  await client.permit('--resources', '');
  assertDenied(await client.call('GET', NUMBERS), /for the resource waba-numbers/);
  assert.equal((await client.call('GET', '/nothing')).status, 404);
  await client.permit('--resources', 'all');
  assert.equal((await client.call('GET', NUMBERS)).status, 200);
});

test('a client with some numbers sees and uses only those', async (t) => {
  const world = await startWorld(t, { limits: true });
  const all = (await world.call('GET', NUMBERS)).json.data;
  const meta = (n) => all[n - 1].phone_number_id;
  const client = await createLimited(world, ['--numbers', `2,${meta(3)}`]);
  const ids = async () => (await client.call('GET', NUMBERS)).json.data.map((n) => n.id);
  assert.deepEqual((await listRow(world, client.id)).numbers, [2, 3]); // kept as ours
  assert.deepEqual(await ids(), [2, 3]);
  const withHealth = await client.call('GET', '/waba-numbers?include=health');
  assert.deepEqual(withHealth.json.data.map((n) => n.id), [2, 3]);

  const number = /for this number/;
  for (const id of ['1', meta(1)]) {
    assertDenied(await client.call('GET', `/waba-numbers/${id}`), number);
    assertDenied(await client.call('GET', `/waba-numbers/${id}/history`), number);
    assertDenied(await client.call('POST', `/waba-numbers/${id}/sync`), number);
    assertDenied(await client.call('DELETE', `/waba-numbers/${id}`), number);
  }
  assert.equal((await world.call('GET', '/waba-numbers/1')).status, 200); // it is still linked
  assert.equal((await client.call('GET', '/waba-numbers/99')).status, 404);
  assertDenied(await client.call('POST', NUMBERS,
    { waba_id: world.sim.wabaId, access_token: world.sim.token }), /limited to some numbers/);
  for (const id of ['2', meta(2)]) {
    assert.equal((await client.call('GET', `/waba-numbers/${id}`)).status, 200);
    assert.equal((await client.call('GET', `/waba-numbers/${id}/history`)).status, 200);
    assert.equal((await client.call('POST', `/waba-numbers/${id}/sync`)).status, 200);
  }

  await client.permit('--numbers', '5');
  assert.deepEqual(await ids(), [5]);
  assertDenied(await client.call('GET', '/waba-numbers/2'), number);
  await client.permit('--numbers', 'all');
  assert.deepEqual(await ids(), [1, 2, 3, 4, 5]);
});

test('a number keeps its clients when it is unlinked and linked again', async (t) => {
  const world = await startWorld(t, { limits: true });
  const client = await createLimited(world, ['--numbers', '4']);
  assert.equal((await client.call('DELETE', '/waba-numbers/4')).status, 200);
  const empty = await client.call('GET', NUMBERS);
  assert.equal(empty.status, 404); // as of an empty workspace
  assert.equal(empty.json.message, 'No connected numbers');
  assert.equal((await world.call('GET', NUMBERS)).json.data.length, 4);
  assert.equal((await world.link()).status, 201);
  const list = await client.call('GET', NUMBERS);
  assert.deepEqual(list.json.data.map((n) => n.id), [4]);
});

test('permissions outlive a restart, and the ones of others', async (t) => {
  const world = await startWorld(t, { limits: true });
  const client = await createLimited(world, ['--read-only', '--numbers', '1']);
  await createLimited(world, ['--numbers', '2']);
  await world.restart();
  assert.deepEqual((await client.call('GET', NUMBERS)).json.data.map((n) => n.id), [1]);
  assertDenied(await client.call('POST', '/waba-numbers/1/sync'), /may only read/);
  assert.equal((await world.call('GET', NUMBERS)).json.data.length, 5);
});

test('what is wrong is refused with what was meant, and changes nothing', async (t) => {
  const world = await startWorld(t, { limits: true });
  const client = await createLimited(world, ['--read-only']);
  const cases = [
    [['--resources', 'waba-number'], /'waba-number' is no resource; did you mean 'waba-numbers'\?/],
    [['--resources', 'waba-numbers,elephants'], /'elephants' is no resource/],
    [['--numbers', '99'], /99 is no number of this workspace/],
    [['--numbers', '1,elephant'], /must be ids of numbers/],
    [['--numbers', Array.from({ length: 1001 }, () => 1).join(',')], /list of at most 1000/],
    [['--read-only', '--full'], /exclude each other/],
    [[], /nothing is said/],
    [['--acces', 'read'], /--acces/],
  ];
  for (const [options, expected] of cases) {
    const { status, stderr } = await run(['client', 'permit', '--domain', 'acme', client.id, ...options,
      '--data', world.data]);
    assert.notEqual(status, 0, options.join(' '));
    assert.match(stderr, expected);
  }
  const nobody = await run(['client', 'permit', '--domain', 'acme', 'cl_nobody', '--full',
    '--data', world.data]);
  assert.match(nobody.stderr, /Client not found: cl_nobody/);
  const created = await run(['client', 'create', '--domain', 'acme', '--name', 'x', '--numbers', '99',
    '--data', world.data]);
  assert.match(created.stderr, /99 is no number of this workspace/);
  const rows = await runJson(['client', 'list', '--domain', 'acme', '--data', world.data]);
  assert.equal(rows.length, 2); // nothing was made
  assert.equal(rows[1].access, 'read');
});

test('a list of clients tells what each may do', async (t) => {
  const world = await startWorld(t, { limits: true });
  await createLimited(world, ['--read-only', '--resources', 'waba-numbers', '--numbers', '1,2']);
  const { stdout } = await world.cli(['client', 'list', '--domain', 'acme']);
  assert.match(stdout, /ACCESS +RESOURCES +NUMBERS/);
  assert.match(stdout, /yes +full +all +all /);
  assert.match(stdout, /yes +read +waba-numbers +1, 2 /);
});

// Linked, and the server died before it had kept the answer: who asks again gets what it may see now.
test('an answer that is written later tells no more than the client may see by then', async (t) => {
  const world = await startWorld(t, { link: false, limits: true });
  const body = JSON.stringify({ waba_id: world.sim.wabaId, access_token: world.sim.token });
  const link = () => call(world.url, 'POST', NUMBERS, world.creds, { body, key: 'k' });
  assert.equal((await link()).json.data.length, 5);
  await world.server.stop();
  storeSql(world.data, "UPDATE idempotency SET state = 'applied', "
    + "result_id = (SELECT max(id) FROM accounts), status = NULL, body = NULL WHERE key = 'key:k'");
  await world.restart();
  await world.cli(['client', 'permit', '--domain', 'acme', world.creds.clientId, '--numbers', '2']);
  const answer = await link();
  assert.equal(answer.status, 201, answer.text);
  assert.deepEqual(answer.json.data.map((number) => number.id), [2]);
});
