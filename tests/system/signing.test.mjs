// developer-api.md §1: who may call, what a refusal looks like, and the signature as the API's public
// JavaScript example makes it.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { sign } from './lib/hudhud.mjs';
import { exchange } from './lib/wire.mjs';
import { sleep, startWorld } from './lib/world.mjs';

// One request with exactly these headers; an array value is sent twice.
function raw(url, method, path, headers, body) {
  return exchange({ url: url + path, method, headers }, body);
}

const BASE = '/api/developer';

test('the test vectors, made as the public example makes them', () => {
  const make = (text) => `sha256=${createHmac('sha256', 'your-hmac-secret').update(text).digest('hex')}`;
  assert.equal(make('GET/waba-numbers1704124800'),
    'sha256=f90b85acf2d2a0d679eb8a4d15824a3517e3b15f1354d22c41f35369813151d9');
  assert.equal(
    make('POST/w/message/text?phone_number_id=1231704124800{"phone":"96650000000","body":"Hello"}'),
    'sha256=3d3a28eb340079ad838c68984ed0977f001b0f54e5cd6aee42bdbc9561e7170d');
  const creds = { domain: 'd', clientId: 'c', secret: 'your-hmac-secret', timestamp: 1704124800 };
  assert.equal(sign('GET', '/waba-numbers', undefined, creds)['X-Awal-Signature-256'],
    make('GET/waba-numbers1704124800'));
});

// What a program written for that API does, to the letter: nothing of ours but the base URL.
test('a client written after the public example', async (t) => {
  const world = await startWorld(t);
  const { domain, clientId, secret } = world.creds;
  for (const [path, query] of [['/waba-numbers', ''], ['/waba-numbers', '?include=health'],
    ['/waba-numbers/1/history', '?page=1&limit=5'], ['/waba-numbers', '?note=%D9%87%D8%AF%D9%87%D8%AF']]) {
    const timestamp = Math.floor(Date.now() / 1000).toString();
    const stringToSign = 'GET' + path + query + timestamp + '';
    const signature = createHmac('sha256', secret).update(stringToSign).digest('hex');
    const answer = await fetch(`${world.url}${BASE}${path}${query}`, {
      method: 'GET',
      headers: {
        Accept: 'application/json',
        'X-Awal-Signature-256': `sha256=${signature}`,
        'X-Timestamp': timestamp,
        'X-Domain': domain,
        'X-Client-ID': clientId,
      },
    });
    assert.equal(answer.status, 200, path + query);
  }
});

test('the full path is accepted in the signed string, and so is /api/v1/developer', async (t) => {
  const world = await startWorld(t);
  for (const base of [BASE, '/api/v1/developer']) {
    for (const signed of ['/waba-numbers', `${base}/waba-numbers`]) {
      const headers = sign('GET', signed, undefined, world.creds);
      const answer = await raw(world.url, 'GET', `${base}/waba-numbers`, headers);
      assert.equal(answer.status, 200, `${base} ${signed}`);
    }
  }
  const headers = sign('GET', '/waba-numbers', undefined, world.creds);
  assert.equal((await raw(world.url, 'GET', '/api/v2/developer/waba-numbers', headers)).status, 404);
});

test('X-API-Version and Accept', async (t) => {
  const world = await startWorld(t);
  const ask = (more) => raw(world.url, 'GET', `${BASE}/waba-numbers`,
    { ...sign('GET', '/waba-numbers', undefined, world.creds), ...more });
  assert.equal((await ask({ 'X-API-Version': 'v1' })).status, 200);
  const wrong = await ask({ 'X-API-Version': 'v2' });
  assert.equal(wrong.status, 400);
  assert.equal(wrong.json.error, 'unsupported_version');
  assert.equal(wrong.headers['x-api-version'], 'v1');
  assert.equal((await ask({ Accept: '*/*' })).status, 200);
  const headers = sign('GET', '/waba-numbers', undefined, world.creds);
  delete headers.Accept;
  assert.equal((await raw(world.url, 'GET', `${BASE}/waba-numbers`, headers)).status, 200);
});

const FOUR = ['X-Awal-Signature-256', 'X-Timestamp', 'X-Domain', 'X-Client-ID'];

test('a header that is missing, doubled, malformed or oversized', async (t) => {
  const world = await startWorld(t, { link: false });
  const good = () => sign('GET', '/waba-numbers', undefined, world.creds);
  const ask = (headers) => raw(world.url, 'GET', `${BASE}/waba-numbers`, headers);
  for (const name of FOUR) {
    const without = good();
    delete without[name];
    const missing = await ask(without);
    assert.equal(missing.status, 400);
    assert.equal(missing.json.error, 'missing_headers');
    assert.deepEqual(Object.keys(missing.json.details), [name]);
    const twice = await ask({ ...good(), [name]: [good()[name], good()[name]] });
    assert.equal(twice.status, 400, name);
    assert.equal(twice.json.error, 'invalid_headers');
    const oversized = await ask({ ...good(), [name]: 'a'.repeat(5000) });
    assert.equal(oversized.status, 400, name);
    assert.equal(oversized.json.error, 'invalid_headers');
    assert.equal((await ask({ ...good(), [name]: 'a'.repeat(20000) })).status, 431);
  }
  const none = await ask({ Accept: 'application/json' });
  assert.deepEqual(Object.keys(none.json.details).sort(), [...FOUR].sort());
  const { 'X-Awal-Signature-256': signature } = good();
  const malformed = [signature.toUpperCase(), signature.slice(7), signature.slice(0, -1),
    `${signature}0`, signature.replace('sha256', 'sha512'), `${signature.slice(0, -1)}g`];
  for (const value of malformed) {
    const answer = await ask({ ...good(), 'X-Awal-Signature-256': value });
    assert.equal(answer.json.error, 'invalid_headers', value);
  }
  for (const value of ['-1704124800', '+1', '1e9', '1704124800.5', '0x65930000', 'now',
    '1'.repeat(13), '0' + Math.floor(Date.now() / 1000)]) {
    const answer = await ask({ ...good(), 'X-Timestamp': value });
    assert.equal(answer.json.error, 'invalid_headers', value);
  }
});

test('one answer for every wrong caller', async (t) => {
  const world = await startWorld(t);
  const { creds } = world;
  const other = JSON.parse((await world.cli(['client', 'create', '--domain', 'acme', '--name', 'off',
    '--json'])).stdout);
  await world.cli(['client', 'disable', other.client_id, '--domain', 'acme']);
  const wrong = [
    { ...creds, clientId: 'cl_nobody' },
    { ...creds, domain: 'nobody' },
    { ...creds, secret: 'wrong' },
    { domain: 'acme', clientId: other.client_id, secret: other.hmac_secret },
  ];
  const answers = [];
  for (const one of wrong)
    answers.push(await raw(world.url, 'GET', `${BASE}/waba-numbers`,
      sign('GET', '/waba-numbers', undefined, one)));
  const shape = ({ status, json, headers }) => {
    const { 'x-request-id': id, date, ...rest } = headers;
    return { status, headers: rest, json: { ...json, request_id: '' }, id: id?.length };
  };
  assert.equal(answers[0].status, 401);
  assert.equal(answers[0].json.error, 'authentication_failed');
  assert.equal(answers[0].json.message, 'Invalid HMAC signature');
  for (const answer of answers) assert.deepEqual(shape(answer), shape(answers[0]));
  await world.cli(['client', 'enable', other.client_id, '--domain', 'acme']);
  assert.equal((await raw(world.url, 'GET', `${BASE}/waba-numbers`,
    sign('GET', '/waba-numbers', undefined, wrong[3]))).status, 200);
});

test('a signature over another body, path, query or method', async (t) => {
  const world = await startWorld(t, { link: false });
  const { creds, url } = world;
  const json = { 'Content-Type': 'application/json' };
  const signed = (method, path, body) => ({ ...json, ...sign(method, path, body, creds) });
  const body = '{"waba_id":"1","access_token":"x"}';
  const cases = [
    ['POST', '/waba-numbers', body, signed('POST', '/waba-numbers', `${body} `)],
    ['POST', '/waba-numbers', body, signed('POST', '/waba-numbers', '')],
    ['GET', '/waba-numbers?include=health', undefined, signed('GET', '/waba-numbers')],
    ['GET', '/waba-numbers', undefined, signed('GET', '/waba-numbers?include=health')],
    ['DELETE', '/waba-numbers/1', undefined, signed('GET', '/waba-numbers/1')],
    ['GET', '/waba-numbers/1', undefined, signed('GET', '/waba-numbers/2')],
    ['GET', '/waba-numbers', undefined, signed('GET', '/api/v1/developer/waba-numbers')],
  ];
  for (const [method, path, sent, headers] of cases) {
    const answer = await raw(url, method, BASE + path, headers, sent);
    assert.equal(answer.status, 401, `${method} ${path}`);
  }
});

test('a timestamp outside the window, and a window of the operator\'s', async (t) => {
  const world = await startWorld(t);
  const now = () => Math.floor(Date.now() / 1000);
  const ask = (timestamp) => raw(world.url, 'GET', `${BASE}/waba-numbers`,
    sign('GET', '/waba-numbers', undefined, { ...world.creds, timestamp }));
  for (const offset of [-290, 0, 290]) assert.equal((await ask(now() + offset)).status, 200);
  for (const timestamp of [now() - 310, now() + 310, 0, 1, 999999999999]) {
    const answer = await ask(timestamp);
    assert.equal(answer.status, 403, String(timestamp));
    assert.equal(answer.json.error, 'timestamp_expired');
  }
  await world.restart(['--sign-window', '5s']);
  assert.equal((await ask(now() - 60)).status, 403);
  assert.equal((await ask(now())).status, 200);
});

test('a GET or DELETE with a body is refused, signed or not', async (t) => {
  const world = await startWorld(t);
  for (const method of ['GET', 'DELETE']) {
    for (const headers of [{ 'Content-Length': 2 }, { 'Transfer-Encoding': 'chunked' }]) {
      const answer = await raw(world.url, method, `${BASE}/waba-numbers/1`,
        { ...sign(method, '/waba-numbers/1', '{}', world.creds), ...headers }, '{}');
      assert.equal(answer.status, 400);
      assert.equal(answer.json.error, 'bad_request');
      assert.match(answer.json.message, /must not have a body/);
    }
  }
  assert.equal((await world.call('GET', '/waba-numbers/1')).status, 200);
});

test('rotation: both secrets for a while, then the new one only', async (t) => {
  const world = await startWorld(t);
  const { creds } = world;
  const rotate = async (overlap) => JSON.parse((await world.cli(['client', 'rotate', creds.clientId,
    '--domain', 'acme', '--overlap', overlap, '--json'])).stdout);
  const ask = async (secret) => (await raw(world.url, 'GET', `${BASE}/waba-numbers`,
    sign('GET', '/waba-numbers', undefined, { ...creds, secret }))).status;
  const first = await rotate('2s');
  assert.equal(await ask(creds.secret), 200);
  assert.equal(await ask(first.hmac_secret), 200);
  await sleep(2100);
  assert.equal(await ask(creds.secret), 401);
  assert.equal(await ask(first.hmac_secret), 200);
  const second = await rotate('0');
  assert.equal(await ask(first.hmac_secret), 401);
  assert.equal(await ask(second.hmac_secret), 200);
});

test('a disabled workspace is shut at once, and open again', async (t) => {
  const world = await startWorld(t);
  await world.cli(['workspace', 'disable', '--domain', 'acme']);
  assert.equal((await world.call('GET', '/waba-numbers')).status, 401);
  await world.cli(['workspace', 'enable', '--domain', 'acme']);
  assert.equal((await world.call('GET', '/waba-numbers')).status, 200);
});
