// developer-api.md §2.2: the business profile of a number, which is Meta's alone.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { call, run } from './lib/hudhud.mjs';
import { admin } from './lib/wire.mjs';
import { scenarioOf, startWorld } from './lib/world.mjs';

const FIELDS = ['about', 'address', 'description', 'email', 'vertical', 'websites',
  'profile_picture_url'];
const EMPTY = Object.fromEntries(FIELDS.map((field) => [field, null]));
const EDGE = '/v25.0/2001/whatsapp_business_profile';
const PICTURE = 'https://pps.whatsapp.net/v/picture.jpg';

async function startProfile(t, profile) {
  const world = await startWorld(t, { sim: { scenario: scenarioOf([{ id: '2001', profile }]) } });
  world.get = () => world.call('GET', '/waba-numbers/1/profile');
  world.patch = (body, key = randomUUID()) => call(world.url, 'PATCH', '/waba-numbers/1/profile',
    world.creds, { body: typeof body === 'string' ? body : JSON.stringify(body), key });
  world.asked = async (method) => (await world.sim.requests()).filter((request) =>
    request.method === method && request.path === EDGE).length;
  world.profile = async () => (await world.sim.scenario()).accounts[0].numbers[0].profile;
  return world;
}

test('a profile is what Meta has, and null where there is none', async (t) => {
  const world = await startProfile(t);
  const { status, json, headers } = await world.get();
  assert.equal(status, 200);
  assert.deepEqual(json, { status: true, data: EMPTY });
  assert.deepEqual(Object.keys(json.data), FIELDS);
  const again = await world.call('GET', '/waba-numbers/2001/profile', undefined,
    { 'If-None-Match': headers.get('etag') });
  assert.equal(again.status, 304);
  const profile = { about: 'a', address: 'b', description: 'c\nd', email: 'e@f', vertical: 'UNDEFINED',
    websites: ['https://a.example/', 'http://b.example'], profile_picture_url: PICTURE };
  await world.sim.patchNumber('2001', { profile });
  assert.deepEqual((await world.get()).json.data, { ...profile, vertical: null });
  assert.equal((await world.call('GET', '/waba-numbers/7/profile')).json.message, 'Number not found');
});

test('a change sends what is given, and the rest stays; Arabic comes back as it went', async (t) => {
  const world = await startProfile(t, { profile_picture_url: PICTURE });
  const first = { about: 'متجر الهدهد 🪶', address: 'شارع العليا، الرياض', description: 'سطر أول\nوثان',
    email: 'salam@hudhud.example', vertical: 'RETAIL', websites: ['https://hudhud.example/متجر'] };
  const answer = await world.patch(first);
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.json.message, 'Profile updated successfully');
  assert.deepEqual(answer.json.data, { ...first, profile_picture_url: PICTURE });
  assert.deepEqual(Object.keys(answer.json.data), FIELDS);
  assert.deepEqual(await world.profile(), { ...first, profile_picture_url: PICTURE });

  const second = await world.patch({ email: 'new@hudhud.example' });
  assert.deepEqual(second.json.data, { ...answer.json.data, email: 'new@hudhud.example' });
  const cleared = await world.patch({ address: '', description: '', email: '', vertical: '',
    websites: [], about: null });
  assert.deepEqual(cleared.json.data, { ...EMPTY, about: first.about, profile_picture_url: PICTURE });
  assert.deepEqual((await world.get()).json.data, cleared.json.data);
});

test('lengths are code points: the longest is taken, and one more is not', async (t) => {
  const world = await startProfile(t);
  const longest = { about: 'ه'.repeat(139), address: '🪶'.repeat(256), description: 'د'.repeat(512),
    email: `${'a'.repeat(126)}@b`, websites: Array(2).fill(`https://${'و'.repeat(248)}`) };
  const answer = await world.patch(longest);
  assert.equal(answer.status, 200, answer.text);
  for (const [field, value] of Object.entries(longest)) assert.deepEqual(answer.json.data[field], value);
  await world.sim.clearRequests();
  const longer = Object.fromEntries(Object.entries(longest).map(([field, value]) =>
    [field, Array.isArray(value) ? [value[0], `${value[1]}و`] : `${value}x`]));
  const refused = await world.patch(longer);
  assert.equal(refused.status, 400, refused.text);
  assert.deepEqual(Object.keys(refused.json.details).sort(),
    ['about', 'address', 'description', 'email', 'websites[1]']);
  for (const [body, fields] of [
    [{ about: '', vertical: 'SHOES', email: 'nobody', websites: 'https://a.b', colour: 1 },
      ['about', 'vertical', 'email', 'websites', 'colour']],
    [{ websites: ['https://a.b', 'https://c.d', 'https://e.f'] }, ['websites']],
    [{ websites: ['ftp://a.b', 7] }, ['websites[0]', 'websites[1]']],
    [{ websites: ['https://a b'], about: 7 }, ['websites[0]', 'about']],
    [{ email: 'a@b@c', address: ['x'] }, ['email', 'address']],
    [{ profile_picture_url: 'x', messaging_product: 'x' }, ['profile_picture_url', 'messaging_product']],
  ]) {
    const wrong = await world.patch(body);
    assert.equal(wrong.json.error, 'validation_failed', wrong.text);
    assert.deepEqual(Object.keys(wrong.json.details).sort(), [...fields].sort());
  }
  for (const body of [{}, { about: null }]) {
    const nothing = await world.patch(body);
    assert.equal(nothing.json.error, 'validation_failed');
    assert.match(nothing.json.message, /at least one/);
  }
  assert.deepEqual(await world.sim.requests(), []);
});

test('sent again it comes to Meta once; what is not known is said to be so', async (t) => {
  const world = await startProfile(t);
  const key = randomUUID();
  const first = await world.patch({ about: 'one' }, key);
  assert.equal((await world.patch({ about: 'one' }, key)).text, first.text);
  assert.equal(await world.asked('POST'), 1);
  for (const kind of ['cut', 'status_5xx', 'html']) {
    await world.sim.putFaults([{ kind, match: { method: 'POST', path_contains: 'profile' } }]);
    const unknown = await world.patch({ about: 'two' });
    assert.equal(unknown.status, 502, unknown.text);
    assert.match(unknown.json.message, /^Meta may have carried this out, or not/);
    await world.sim.putFaults([{ kind, match: { method: 'GET', path_contains: 'profile' } }]);
    const blind = await world.patch({ about: `changed ${kind}` });
    assert.equal(blind.status, 200, blind.text);
    assert.deepEqual(blind.json, { status: true, message: 'Profile updated successfully', data: null });
    const read = await world.get();
    assert.equal(read.status, kind === 'html' ? 502 : 503);
    assert.doesNotMatch(read.json.message, /carried this out/, 'a read does nothing');
    await world.sim.clearFaults();
    assert.equal((await world.get()).json.data.about, `changed ${kind}`);
  }
});

test('the administration and the command show and change it', async (t) => {
  const world = await startProfile(t, { about: 'متجر', profile_picture_url: PICTURE });
  const { json } = await admin(world.data, 'PATCH', '/workspaces/acme/waba-numbers/1/profile',
    { address: 'Riyadh' });
  assert.equal(json.data.address, 'Riyadh');
  const cli = async (...line) =>
    (await world.cli(['number', 'profile', '1', '--domain', 'acme', ...line])).stdout;
  assert.match(await cli(), /^about +متجر$/m);
  const changed = await cli('--email', 'a@b.example', '--website', 'https://a.example/x,y',
    '--website', 'https://b.example', '--vertical', 'EDU', '--address', '');
  assert.match(changed, /^e-mail +a@b\.example$/m);
  assert.match(changed, /^second website +https:\/\/b\.example$/m);
  assert.deepEqual(await world.profile(), { about: 'متجر', email: 'a@b.example', vertical: 'EDU',
    websites: ['https://a.example/x,y', 'https://b.example'], profile_picture_url: PICTURE });
  assert.equal(JSON.parse(await cli('--website', '', '--json')).websites, null);
  const wrong = await run(['number', 'profile', '1', '--domain', 'acme', '--about', '', '--data', world.data]);
  assert.equal(wrong.status, 1);
  assert.match(wrong.stderr, /about.*must not be empty/s);
});
