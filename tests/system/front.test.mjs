// The example proxies of packaging/examples, in front of the real server: what was signed arrives as
// it was signed, and what a proxy answers itself has the form of the API.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sign } from './lib/hudhud.mjs';
import { fronts, startFront } from './lib/fronts.mjs';
import { APP, addApp, change, hubSignature, metaJson } from './lib/meta.mjs';
import { exchange } from './lib/wire.mjs';
import { startWorld } from './lib/world.mjs';

// One call whose path goes out byte for byte, as fetch's would not
// -> the answer.
function request(port, method, path, { headers = {}, body, from } = {}) {
  return exchange(
    { host: '127.0.0.1', port, method, path, headers, localAddress: from, agent: false }, body);
}

function call(port, method, path, creds, { body, headers } = {}) {
  const length = body === undefined ? {} :
    { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) };
  return request(port, method, `/api/developer${path}`,
    { body, headers: { ...sign(method, path, body, creds), ...length, ...headers } });
}

const FAILURES_MAX = 60; // a minute, of one address: the default of auth-failure-limit

// Each of these is spelt in a way that a proxy could tidy up.
const PATHS = [
  '/waba-numbers?include=health&searchTerm=%D9%87%2F+a;b&&=',
  '/waba-numbers?x=%61%zz',
  '/waba-numbers?',
  '/waba%2Dnumbers',
  '/waba-numbers//1',
  '/waba-numbers/./1',
  '/waba-numbers/../waba-numbers',
];

for (const front of fronts) {
  test(`${front.name}: Meta's largest webhook comes through, byte for byte`, async (t) => {
    const world = await startWorld(t, { link: false });
    const port = await startFront(t, front, world.server.port);
    if (!port) return;
    await addApp(world.data);
    const empty = metaJson(change('1', 'unknown', { fill: '' }));
    const raw = empty.replace('"fill":""', `"fill":"${'x'.repeat((3 << 20) - empty.length)}"`);
    const answer = await request(port, 'POST', '/webhooks/meta', { body: raw, headers: {
      'Content-Type': 'application/json', 'Content-Length': raw.length,
      'X-Hub-Signature-256': hubSignature(raw, APP.secret) } });
    assert.equal(answer.status, 200, answer.text);
  });

  test(`${front.name}: what was signed arrives as it was signed`, async (t) => {
    const world = await startWorld(t, { link: false });
    const port = await startFront(t, front, world.server.port);
    if (!port) return;
    const body = JSON.stringify({ waba_id: world.sim.wabaId, access_token: world.sim.token });
    const linked = await call(port, 'POST', '/waba-numbers', world.creds, { body });
    assert.equal(linked.status, 201, linked.text);
    for (const path of PATHS) {
      const direct = await call(world.server.port, 'GET', path, world.creds);
      const through = await call(port, 'GET', path, world.creds);
      assert.notEqual(direct.status, 401, path);
      assert.equal(through.status, direct.status, `${path}: ${through.text}`);
      if (direct.status === 200) assert.equal(through.text, direct.text, path);
    }
  });

  test(`${front.name}: answers are passed on as they are`, async (t) => {
    const world = await startWorld(t);
    const port = await startFront(t, front, world.server.port);
    if (!port) return;
    const list = await call(port, 'GET', '/waba-numbers', world.creds);
    assert.match(list.headers['x-request-id'], /^req_/);
    const again = await call(port, 'GET', '/waba-numbers', world.creds,
      { headers: { 'If-None-Match': list.headers.etag } });
    assert.equal(again.status, 304, again.text);
    const refused = await call(port, 'GET', '/waba-numbers', { ...world.creds, secret: 'x' });
    assert.equal(refused.status, 401);
    assert.equal(refused.json.error, 'authentication_failed');
  });

  test(`${front.name}: a body beyond all limits is refused`, async (t) => {
    const world = await startWorld(t, { link: false });
    const port = await startFront(t, front, world.server.port);
    if (!port) return;
    const answer = await call(port, 'POST', '/waba-numbers', world.creds,
      { body: JSON.stringify({ access_token: 'x'.repeat(2 << 20) }) }).catch((error) => error);
    // A proxy may cut the connection while the rest of it is still coming.
    assert.ok(answer.status === 413 || answer.code === 'EPIPE' || answer.code === 'ECONNRESET',
      `${answer.status} ${answer.code} ${answer.text ?? answer.message}`);
    assert.equal((await call(port, 'GET', '/waba-numbers', world.creds)).status, 404);
  });

  test(`${front.name}: says in the API's form that the server is away, and finds it again`, async (t) => {
    const world = await startWorld(t);
    const listen = `127.0.0.1:${world.server.port}`;
    const port = await startFront(t, front, world.server.port);
    if (!port) return;
    await world.server.stop();
    const away = await call(port, 'GET', '/waba-numbers', world.creds);
    assert.equal(away.status, 503, away.text);
    assert.equal(away.json.error, 'service_unavailable');
    assert.match(away.json.request_id, /^req_[\w-]{20,}$/);
    assert.equal(away.headers['x-request-id'], away.json.request_id);
    assert.equal(away.headers['retry-after'], '5');
    assert.match(away.headers['content-type'], /^application\/json/);
    await world.restart(['--listen', listen]);
    assert.equal((await call(port, 'GET', '/waba-numbers', world.creds)).status, 200);
  });

  test(`${front.name}: a caller is who called the proxy, whatever it claims`, async (t) => {
    const world = await startWorld(t, { link: false, args: ['--trusted-proxies', '127.0.0.1'] });
    const port = await startFront(t, front, world.server.port);
    if (!port) return;
    const fail = async (from, claimed) => {
      const headers = { ...sign('GET', '/waba-numbers', '', { ...world.creds, secret: 'x' }),
        'X-Forwarded-For': claimed, Forwarded: `for=${claimed}` };
      return (await request(port, 'GET', '/api/developer/waba-numbers', { from, headers })).status;
    };
    for (let i = 0; i < FAILURES_MAX; i++)
      assert.equal(await fail('127.0.0.2', `203.0.113.${i}`), 401, `failure ${i + 1}`);
    assert.equal(await fail('127.0.0.2', '203.0.113.250'), 429, 'another name does not help it');
    assert.equal(await fail('127.0.0.3', '127.0.0.2'), 401, 'another caller is not counted with it');
  });
}
