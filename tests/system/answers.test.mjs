// What surrounds an answer, from the settings to the bytes: gzip, CORS, and its line in the log.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { sign } from './lib/hudhud.mjs';
import { exchange } from './lib/wire.mjs';
import { eventually, startWorld } from './lib/world.mjs';

// As it comes over the wire -> the answer; signed where `creds` are given.
function ask(world, method, where, { creds, headers = {} } = {}) {
  const all = { ...(creds ? sign(method, where, undefined, creds) : {}), ...headers };
  return exchange({ url: `${world.url}/api/developer${where}`, method, headers: all, agent: false });
}

// The fields of the log's line about a request, by its id.
async function lineOf(world, id) {
  const line = await eventually(() => world.server.log().split('\n').find((l) => l.includes(`id=${id}`)));
  return Object.fromEntries([...line.matchAll(/(\w+)=("[^"]*"|\S*)/g)].map((m) => [m[1], m[2]]));
}

test('gzip holds the same bytes, for who accepts it', async (t) => {
  const world = await startWorld(t, { sim: { numbers: 20 } });
  const get = (accepts) => ask(world, 'GET', '/waba-numbers', { creds: world.creds,
    headers: accepts === undefined ? {} : { 'Accept-Encoding': accepts } });
  const plain = await get();
  assert.equal(plain.headers['content-encoding'], undefined);
  for (const accepts of ['gzip', 'br, gzip;q=0.5', '*', 'GZIP']) {
    const packed = await get(accepts);
    assert.equal(packed.headers['content-encoding'], 'gzip', accepts);
    assert.equal(Number(packed.headers['content-length']), packed.bytes.length);
    assert.ok(packed.bytes.length < plain.bytes.length / 2);
    assert.deepEqual(gunzipSync(packed.bytes), plain.bytes);
  }
  for (const accepts of ['identity', 'br', 'gzip;q=0', '*;q=0, identity'])
    assert.equal((await get(accepts)).headers['content-encoding'], undefined, accepts);
  await world.restart(['--compression=false']);
  const off = await get('gzip');
  assert.equal(off.headers['content-encoding'], undefined);
  assert.equal(off.headers.vary, undefined);
});

test('a page of an allowed origin may ask, and read the answer', async (t) => {
  const world = await startWorld(t, { args: ['--cors-origins', 'https://app.example,http://localhost:3000'] });
  const preflight = (origin, where = '/waba-numbers') => ask(world, 'OPTIONS', where, { headers: {
    Origin: origin, 'Access-Control-Request-Method': 'GET',
    'Access-Control-Request-Headers': 'x-awal-signature-256,x-client-id,x-domain,x-timestamp' } });
  const allowed = await preflight('http://localhost:3000');
  assert.equal(allowed.status, 204);
  assert.equal(allowed.headers['access-control-allow-origin'], 'http://localhost:3000');
  const names = allowed.headers['access-control-allow-headers'].toLowerCase().split(', ');
  for (const name of ['x-awal-signature-256', 'x-client-id', 'x-domain', 'x-timestamp', 'content-type',
    'idempotency-key', 'if-none-match', 'x-api-version']) assert.ok(names.includes(name), name);
  assert.equal(allowed.headers['access-control-allow-credentials'], undefined, 'no cookies here');
  const denied = await preflight('https://evil.example');
  assert.equal(denied.status, 400);
  assert.equal(denied.headers['access-control-allow-origin'], undefined);
  const answer = await ask(world, 'GET', '/waba-numbers',
    { creds: world.creds, headers: { Origin: 'https://app.example' } });
  assert.equal(answer.status, 200);
  assert.equal(answer.headers['access-control-allow-origin'], 'https://app.example');
  const exposed = answer.headers['access-control-expose-headers'].toLowerCase().split(', ');
  for (const name of Object.keys(answer.headers).filter((n) => n.startsWith('x-') || n === 'etag'))
    assert.ok(exposed.includes(name), name);
});

test('each request has a line, with what it was and without what it held', async (t) => {
  const world = await startWorld(t, { args: ['--log-requests', 'all', '--trusted-proxies', '127.0.0.1'] });
  const list = await ask(world, 'GET', '/waba-numbers/1/history?page=1&limit=77',
    { creds: world.creds, headers: { 'X-Forwarded-For': '203.0.113.9' } });
  const line = await lineOf(world, list.headers['x-request-id']);
  assert.equal(line.method, 'GET');
  assert.equal(line.path, '/api/developer/waba-numbers/1/history');
  assert.equal(line.route, '/waba-numbers/{id}/history');
  assert.equal(line.workspace, 'acme');
  assert.equal(line.address, '203.0.113.9');
  assert.equal(line.status, '200');
  assert.equal(Number(line.bytes), list.bytes.length);
  assert.ok(Number(line.us) > 0);
  const unknown = await ask(world, 'GET', '/waba-numbers');
  const refused = await lineOf(world, unknown.headers['x-request-id']);
  assert.equal(refused.status, '400');
  assert.equal(refused.workspace, '""');
  assert.equal(refused.address, '127.0.0.1');
  const signature = sign('GET', '/waba-numbers', undefined, world.creds)['X-Awal-Signature-256'];
  for (const secret of ['limit=77', world.creds.secret, world.sim.token, 'sha256=', signature])
    assert.ok(!world.server.log().includes(secret), secret);
});
