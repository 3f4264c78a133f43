// developer-api.md §2.2: the steps of a number's registration, each asked of Meta once at most.
import assert from 'node:assert/strict';
import { createHmac, randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { call, run, sign, storeKind, storeSql } from './lib/hudhud.mjs';
import { fillDisk, freeDisk, storeText } from './lib/store.mjs';
import { admin, exchange } from './lib/wire.mjs';
import { eventually, scenarioOf, startWorld } from './lib/world.mjs';

const UNKNOWN = /^Meta may have carried this out, or not; look before you send it again/;

// One number, 2001, that is new: neither verified nor registered, unless `fields` say so.
async function startNumber(t, fields = {}, options = {}) {
  const world = await startWorld(t, { ...options, sim: { scenario: scenarioOf([{ id: '2001',
    status: 'PENDING', code_verification_status: 'NOT_VERIFIED', ...fields }]) } });
  world.step = (step, body, key = randomUUID()) => call(world.url, 'POST',
    `/waba-numbers/2001/${step}`, world.creds, { body: body && JSON.stringify(body), key });
  // How often Meta heard of it, whatever came of it.
  world.asked = async (edge) => (await world.sim.requests()).filter((request) =>
    request.method === 'POST' && request.path === `/v25.0/2001${edge}`).length;
  world.number = async () => (await world.sim.scenario()).accounts[0].numbers[0];
  world.fault = (kind, path, more = {}) =>
    world.sim.putFaults([{ kind, match: { path_contains: path }, ...more }]);
  return world;
}

const verified = { status: 'DISCONNECTED', code_verification_status: 'VERIFIED' };

function assertRefused(answer, code, what) {
  assert.equal(answer.status, 422, `${what}: ${answer.text}`);
  assert.equal(answer.json.error, 'message_rejected');
  assert.equal(answer.json.details.meta_code, String(code), what);
  assert.deepEqual(Object.keys(answer.json.details),
    ['meta_code', 'meta_title', 'meta_details', 'fbtrace_id']);
}

test('from a new number to one that sends, and back', async (t) => {
  const world = await startNumber(t);
  const requested = await world.step('request-code', { method: 'SMS', language: 'ar' });
  assert.equal(requested.status, 200, requested.text);
  assert.equal(requested.json.message, 'Code requested successfully');
  assert.deepEqual(requested.json.data,
    { id: 1, phone_number: '966500001000', phone_number_id: '2001' });
  const { verification_code: code } = await world.number();
  assert.equal(code, '123456');

  const done = await world.step('verify-code', { code });
  assert.equal(done.status, 200, done.text);
  assert.equal(done.json.message, 'Number verified successfully');
  assert.equal(done.json.data.health.code_verification_status, 'VERIFIED');
  assert.equal(done.json.data.status, 'DISCONNECTED');

  const registered = await world.step('register', { pin: '150954', data_localization_region: 'AE' });
  assert.equal(registered.status, 200, registered.text);
  assert.equal(registered.json.message, 'Number registered successfully');
  assert.equal(registered.json.data.status, 'CONNECTED');
  assert.deepEqual(registered.json.data, (await world.call('GET', '/waba-numbers/1')).json.data);
  assert.equal((await world.number()).pin, '150954');
  assert.equal((await world.sim.graph('/v25.0/2001?fields=is_pin_enabled')).json.is_pin_enabled, true);

  const pin = await world.step('pin', { pin: '904217' });
  assert.equal(pin.status, 200, pin.text);
  assert.equal(pin.json.message, 'PIN set successfully');
  assert.deepEqual(pin.json.data, requested.json.data);
  assert.equal((await world.number()).pin, '904217');

  for (const body of [undefined, {}]) {
    const gone = await world.step('deregister', body);
    if (body) { assertRefused(gone, 133010, 'twice'); continue; }
    assert.equal(gone.status, 200, gone.text);
    assert.equal(gone.json.message, 'Number deregistered successfully');
    assert.equal(gone.json.data.status, 'DISCONNECTED');
  }
  const history = (await world.call('GET', '/waba-numbers/1/history')).json.data
    .filter((change) => change.field === 'status');
  assert.deepEqual(history.map((change) => [change.to, change.source]),
    [['DISCONNECTED', 'api'], ['CONNECTED', 'api']]);
});

test('what is wrong with a body is told at once, and Meta hears nothing', async (t) => {
  const world = await startNumber(t);
  await world.sim.clearRequests();
  const wrong = [
    ['request-code', {}, ['method', 'language']],
    ['request-code', { method: 'PIGEON', language: 'arabic!', colour: 1 }, ['method', 'language', 'colour']],
    ['request-code', { method: 'sms', language: 'en-US' }, ['method', 'language']],
    ['request-code', { method: 5, language: '_US' }, ['method', 'language']],
    ['verify-code', {}, ['code']],
    ['verify-code', { code: '123-456' }, ['code']],
    ['verify-code', { code: 123456 }, ['code']],
    ['register', { pin: '12345', data_localization_region: 'XX', more: true },
      ['pin', 'data_localization_region', 'more']],
    ['register', { pin: '١٢٣٤٥٦' }, ['pin']],
    ['register', { pin: '1234567' }, ['pin']],
    ['register', { pin: '' }, ['pin']],
    ['register', { pin: '1'.repeat(100) }, ['pin']],
    ['deregister', { pin: '123456' }, ['pin']],
    ['pin', { pin: null }, ['pin']],
    ['pin', { pin: '12 456' }, ['pin']],
  ];
  for (const [step, body, fields] of wrong) {
    const answer = await world.step(step, body);
    assert.equal(answer.status, 400, `${step} ${JSON.stringify(body)}: ${answer.text}`);
    assert.equal(answer.json.error, 'validation_failed');
    assert.deepEqual(Object.keys(answer.json.details).sort(), [...fields].sort());
    assert.ok(!answer.text.includes('12345'), 'a PIN is in no message');
  }
  for (const step of ['register', 'verify-code', 'pin', 'request-code'])
    assert.equal((await world.step(step)).json.error, 'invalid_json', 'no body');
  for (const id of ['999', 'x']) {
    const none = await world.call('POST', `/waba-numbers/${id}/register`, { pin: '123456' });
    assert.equal(none.status, 404);
    assert.equal(none.json.message, 'Number not found');
  }
  assert.deepEqual(await world.sim.requests(), []);
});

test('each refusal of Meta\'s comes through with its code', async (t) => {
  const world = await startNumber(t);
  const { sim } = world;
  const register = (pin) => world.step('register', { pin });
  const unverified = await register('111111');
  assertRefused(unverified, 133006, 'not verified');
  assert.equal(unverified.json.details.meta_title, 'Phone number re-verification needed');
  assert.match(unverified.json.details.meta_details, /./);
  assertRefused(await world.step('verify-code', { code: '123456' }), 136025, 'none was requested');
  await world.step('request-code', { method: 'VOICE', language: 'en_US' });
  assertRefused(await world.step('verify-code', { code: '654321' }), 136025, 'wrong code');
  assert.equal((await world.step('verify-code', { code: '123456' })).status, 200);
  assertRefused(await world.step('verify-code', { code: '123456' }), 136025, 'a code is good once');
  assertRefused(await world.step('request-code', { method: 'SMS', language: 'ar' }), 136024, 'verified');
  assert.equal((await register('111111')).status, 200);
  assertRefused(await register('222222'), 133005, 'wrong PIN');
  assertRefused(await register('111111'), 133009, 'too fast');
  const rested = { pin_guessed_at: 0, registrations: 0 };
  for (let guesses = 2; guesses <= 5; guesses++) {
    await sim.patchNumber('2001', rested);
    assertRefused(await register('222222'), 133005, `wrong PIN ${guesses}`);
  }
  assertRefused(await register('111111'), 133008, 'too many, and now the right one');
  await sim.patchNumber('2001', { ...rested, pin_guesses: null });
  assert.equal((await register('111111')).status, 200);
  await sim.patchNumber('2001', { registrations: 9 });
  assert.equal((await world.step('deregister')).status, 200);
  const limited = await register('111111');
  assertRefused(limited, 133016, 'ten in 72 hours');
  assert.match(limited.json.message, /^Meta refused: \(#133016\)/);
  await sim.patchNumber('2001', { registrations_since: 1 });
  assert.equal((await register('111111')).status, 200, 'when they are over');
});

test('sent again, with the key or byte for byte, it comes to Meta once', async (t) => {
  const world = await startNumber(t, { ...verified, pin: '111111' });
  const key = randomUUID();
  const first = await world.step('register', { pin: '111111' }, key);
  assert.equal(first.status, 200, first.text);
  for (let i = 0; i < 3; i++) {
    const again = await world.step('register', { pin: '111111' }, key);
    assert.equal(again.text, first.text);
    assert.equal(again.headers.get('idempotent-replayed'), 'true');
  }
  assert.equal((await world.step('register', { pin: '111112' }, key)).json.error,
    'idempotency_key_reused', 'another PIN is another request');
  assert.equal(await world.asked('/register'), 1);

  // Without a key, also what Meta refused: a wrong PIN is not to be tried twice by accident.
  const body = JSON.stringify({ pin: '222222' });
  const headers = { ...sign('POST', '/waba-numbers/2001/register', body, world.creds),
    'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) };
  const send = () => exchange({ url: `${world.url}/api/developer/waba-numbers/2001/register`,
    method: 'POST', headers }, body);
  const refused = await send();
  assert.equal(refused.status, 422, refused.text);
  const again = await send();
  assert.equal(again.text, refused.text);
  assert.equal(again.headers['idempotent-replayed'], 'true');
  assert.equal(await world.asked('/register'), 2);
  assert.equal((await world.number()).pin_guesses, 1);

  const together = randomUUID();
  await world.fault('latency', '/deregister', { ms: 300 });
  const answers = await Promise.all(Array.from({ length: 4 }, () =>
    world.step('deregister', undefined, together)));
  assert.deepEqual(answers.map((answer) => answer.status).sort(), [200, 409, 409, 409]);
  assert.equal(await world.asked('/deregister'), 1);
});

test('an outcome that is not known is said to be so, and not tried again', async (t) => {
  const world = await startNumber(t, verified);
  for (const [kind, step, edge, body] of [
    ['cut', 'register', '/register', { pin: '111111' }],
    ['status_5xx', 'deregister', '/deregister', undefined],
    ['html', 'pin', '', { pin: '111111' }],
    ['half_json', 'request-code', '/request_code', { method: 'SMS', language: 'ar' }],
    ['wrong_types', 'verify-code', '/verify_code', { code: '123456' }]]) {
    await world.sim.clearRequests();
    await world.sim.putFaults([{ kind, match: { method: 'POST' } }]);
    const key = randomUUID();
    const answer = await world.step(step, body, key);
    await world.sim.clearFaults();
    assert.equal(answer.status, 502, answer.text);
    assert.equal(answer.json.error, 'upstream_error');
    assert.match(answer.json.message, UNKNOWN, kind);
    const again = await world.step(step, body, key);
    assert.equal(again.text, answer.text);
    assert.equal(again.status, 502);
    assert.equal(again.headers.get('idempotent-replayed'), 'true');
    assert.equal(await world.asked(edge), 1, kind);
  }
  assert.notEqual((await world.step('register', { pin: '111111' })).status, 502, 'a new key is a new try');
});

test('what certainly did not happen may be tried again with the same key', async (t) => {
  const world = await startNumber(t, verified);
  const key = randomUUID();
  const register = () => world.step('register', { pin: '111111' }, key);
  await world.fault('throttle', '/register', { minutes: 7 });
  const throttled = await register();
  assert.equal(throttled.status, 503, throttled.text);
  assert.equal(throttled.json.error, 'service_unavailable');
  assert.equal(throttled.headers.get('retry-after'), '420');
  await world.sim.clearFaults();
  assert.equal((await register()).status, 200);
  assert.equal(await world.asked('/register'), 2);

  await world.sim.patchToken(world.sim.token, { expired: true });
  assertRefused(await world.step('deregister'), 190, 'a dead token');
  assertRefused(await world.call('GET', '/waba-numbers/2001/profile'), 190, 'a dead token');

  await world.sim.stop(); // nobody listens: nothing was sent
  const away = await world.step('deregister');
  assert.equal(away.status, 503, away.text);
  assert.match(away.json.message, /^Meta cannot be reached now/);
  assert.ok(Number(away.headers.get('retry-after')) > 0);
});

test('while Meta throttles the account it is not asked', async (t) => {
  const world = await startNumber(t, verified);
  await world.fault('throttle', '/phone_numbers', { minutes: 7 });
  assert.equal((await world.call('POST', '/waba-numbers/2001/sync')).status, 503);
  await world.sim.clearFaults();
  const answer = await world.step('register', { pin: '111111' });
  assert.equal(answer.status, 503, answer.text);
  assert.ok(Number(answer.headers.get('retry-after')) > 360);
  assert.equal(await world.asked('/register'), 0);
});

test('Meta did it, and the sync behind it fails: it is done all the same', async (t) => {
  const world = await startNumber(t, verified);
  for (const kind of ['status_5xx', 'cut', 'token_expired', 'throttle']) {
    await world.sim.patchNumber('2001', { status: 'DISCONNECTED' });
    await world.fault(kind, '/900/phone_numbers', { minutes: 0 });
    const answer = await world.step('register', { pin: '111111' });
    assert.equal(answer.status, 200, `${kind}: ${answer.text}`);
    assert.equal(answer.json.message, 'Number registered successfully');
    assert.equal(answer.json.data.phone_number_id, '2001');
    await world.sim.clearFaults();
    assert.equal((await world.number()).status, 'CONNECTED');
  }
});

test('kill -9 while Meta is asked: the same request hears that it is not known', async (t) => {
  const world = await startNumber(t, verified);
  const key = randomUUID();
  await world.fault('latency', '/register', { ms: 1500 });
  const lost = world.step('register', { pin: '111111' }, key).catch(() => null);
  await eventually(() => storedStates(world).includes('running'), { what: 'the claim' });
  await new Promise((resolve) => setTimeout(resolve, 300)); // it is with Meta by now
  await world.server.kill9();
  assert.equal(await lost, null);
  await world.restart();
  await world.sim.clearFaults();
  const again = await world.step('register', { pin: '111111' }, key);
  assert.equal(again.status, 502, again.text);
  assert.match(again.json.message, UNKNOWN);
  assert.equal(again.headers.get('idempotent-replayed'), 'true');
  await new Promise((resolve) => setTimeout(resolve, 1500));
  assert.ok(await world.asked('/register') <= 1);
});

test('kill -9 after Meta\'s yes: the same request hears that it is done', async (t) => {
  const world = await startNumber(t, verified);
  const key = randomUUID();
  await world.fault('latency', '/900/phone_numbers', { ms: 5000 });
  const lost = world.step('register', { pin: '111111' }, key).catch(() => null);
  await eventually(() => storedStates(world).includes('applied'), { what: 'the mark' });
  await world.server.kill9();
  assert.equal(await lost, null);
  await world.sim.clearFaults();
  await world.restart();
  const again = await world.step('register', { pin: '111111' }, key);
  assert.equal(again.status, 200, again.text);
  assert.equal(again.json.message, 'Number registered successfully');
  assert.equal(again.headers.get('idempotent-replayed'), 'true');
  assert.equal(await world.asked('/register'), 1);
});

test('a disk that fills while Meta is asked: what cannot be kept is not claimed', async (t) => {
  const world = await startNumber(t, verified);
  const key = randomUUID();
  await world.fault('latency', '/register', { ms: 1500 });
  const asked = world.step('register', { pin: '111111' }, key);
  await eventually(() => storedStates(world).includes('running'), { what: 'the claim' });
  fillDisk(world);
  const answer = await asked;
  assert.equal(answer.status, 502, answer.text);
  assert.match(answer.json.message, UNKNOWN);
  const full = await world.step('deregister');
  assert.equal(full.status, 503, 'it is not even asked');
  freeDisk(world);
  assert.equal((await world.step('register', { pin: '111111' }, key)).status, 409, 'while it may go on');
  await world.restart();
  const again = await world.step('register', { pin: '111111' }, key);
  assert.equal(again.status, 502, again.text);
  assert.match(again.json.message, UNKNOWN);
  assert.equal(await world.asked('/register'), 1);
  assert.equal(await world.asked('/deregister'), 0);
});

const storedStates = (world) =>
  storeSql(world.data, 'SELECT state FROM idempotency ORDER BY id', { readOnly: true });

test('neither a PIN nor a code is in the store or the log, nor what would give it away', async (t) => {
  const world = await startNumber(t, {}, { args: ['--log-level', 'debug', '--log-requests', 'all'] });
  await world.sim.patchNumber('2001', { verification_code: '771503' });
  const asked = [['verify-code', { code: '771503' }], ['register', { pin: '904217' }],
    ['register', { pin: '904218' }], ['pin', { pin: '318406' }]];
  for (const [step, body] of asked) await world.step(step, body);
  await world.call('POST', '/waba-numbers/2001/sync', {});
  await world.fault('cut', '/register');
  await world.step('register', { pin: '557720' });
  const stored = new Set(storeSql(world.data, storeKind === 'sqlite'
    ? 'SELECT lower(hex(fingerprint)) FROM idempotency'
    : "SELECT encode(fingerprint, 'hex') FROM idempotency", { readOnly: true }).split('\n'));
  await world.server.stop();
  const text = storeText(world.data) + world.server.log();
  for (const secret of ['771503', '904217', '904218', '318406', '557720'])
    assert.ok(!text.includes(secret), secret);
  // Who has the store could try every PIN, were the hash of a request one that all can make.
  const plain = (path, body) => createHmac('sha256', 'hudhud idempotency fingerprint')
    .update(`4 ${path.length} 0 ${body.length} POST${path}${body}`).digest('hex');
  assert.ok(stored.has(plain('/waba-numbers/2001/sync', '{}')), 'so it is made where nothing is secret');
  for (const [step, body] of asked)
    assert.ok(!stored.has(plain(`/waba-numbers/2001/${step}`, JSON.stringify(body))), step);
});

test('who may only read, or use another number, takes no step', async (t) => {
  const world = await startNumber(t, verified);
  const client = async (permissions) => {
    const { json } = await admin(world.data, 'POST', '/workspaces/acme/clients',
      { name: 'limited', ...permissions });
    return { ...world.creds, clientId: json.data.client_id, secret: json.data.hmac_secret };
  };
  const reader = await client({ access: 'read' });
  const none = await client({ numbers: [] });
  const body = JSON.stringify({ pin: '111111' });
  for (const creds of [reader, none])
    for (const step of ['register', 'pin'])
      assert.equal((await call(world.url, 'POST', `/waba-numbers/2001/${step}`, creds, { body }))
        .json.error, 'permission_denied');
  assert.equal((await call(world.url, 'GET', '/waba-numbers/2001/profile', reader)).status, 200);
  assert.equal((await call(world.url, 'GET', '/waba-numbers/2001/profile', none)).status, 403);
  assert.equal((await call(world.url, 'PATCH', '/waba-numbers/2001/profile', reader,
    { body: '{"about":"x"}' })).status, 403);
  assert.equal(await world.asked('/register'), 0);
});

test('the commands: secrets from a pipe or a file, and never from the command line', async (t) => {
  const world = await startNumber(t);
  const cli = (line, options) => world.cli(['number', ...line, '--domain', 'acme'], options);
  const asked = await cli(['request-code', '--language', 'ar', '2001']);
  assert.match(asked.stdout, /^Meta sends a code to 2001\.\nNext: hudhud number verify-code\n$/);
  assert.match((await cli(['verify-code', '1'], { input: ' 123456\n' })).stdout,
    /^code verification +VERIFIED$/m);
  assert.match((await cli(['register', '1', '--region', 'AE'], { input: '150954\n' })).stdout,
    /^status +CONNECTED$/m);
  assert.match((await cli(['pin', '1', '--pin-file', '-'], { input: '904217' })).stdout,
    /^Set the PIN of 1\.$/m);
  assert.equal((await world.number()).pin, '904217');
  assert.equal(JSON.parse((await cli(['deregister', '1', '--json'])).stdout).status, 'DISCONNECTED');
  const wrong = async (line, input) => run(['number', ...line, '--domain', 'acme', '--data', world.data],
    { input });
  for (const [line, input, message] of [
    [['register', '1'], '12345', /that is no PIN: six digits are expected/],
    [['register', '1', '--pin', '123456'], '', /pipe the PIN in, or name its file with --pin-file/],
    [['verify-code', '1', '--code', '123456'], '', /pipe the code in/],
    [['register', '1'], '111111', /cannot register a number with the Cloud API: Meta refused: \(#133005\)/],
    [['register', '7'], '111111', /Number not found/]]) {
    const { status, stderr } = await wrong(line, input);
    assert.notEqual(status, 0);
    assert.match(stderr, message);
    assert.ok(!stderr.includes('111111') && !stderr.includes('123456'));
  }
});
