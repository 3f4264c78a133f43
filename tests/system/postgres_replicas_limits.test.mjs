// Rate limits (developer-api.md §1.6) that several servers on one database keep together: to 5 per
// cent, and a second after the last call exactly as one server would.
import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import {
  call, createClient, initFolder, runJson, runOk, startServe, storeUrl, temporaryFolder,
} from './lib/hudhud.mjs';
import { eventually, sleep } from './lib/world.mjs';

const REPLICAS = 3;
const NUMBERS = '/waba-numbers';
const LIMIT = 200; // of each GET, by default
const MOST = LIMIT * 1.05;

let data;
let folders;
let servers;
const clients = [];

// A folder of its own for one more server on the same database.
async function join() {
  const folder = path.join(temporaryFolder(), 'data');
  mkdirSync(folder, { mode: 0o700 });
  copyFileSync(path.join(data, 'key'), path.join(folder, 'key'));
  chmodSync(path.join(folder, 'key'), 0o600);
  await runOk(['init', '--data', folder, '--store', storeUrl(data)]);
  return folder;
}

async function newClient(name) {
  const client = await runJson(['client', 'create', '--domain', 'acme', '--name', name, '--data', data]);
  return { domain: 'acme', clientId: client.client_id, secret: client.hmac_secret };
}

// All calls come from one address.
const start = (folder) => startServe({ data: folder, args: ['--connections-per-address', '0'] });

before(async () => {
  data = await initFolder();
  folders = [data];
  while (folders.length < REPLICAS) folders.push(await join());
  clients.push(await createClient(data, 'acme', { limits: true }));
  for (let i = 1; i < 10; i++) clients.push(await newClient(`client ${i}`)); // one a test
  const input = JSON.stringify({ limits: { 'GET /waba-numbers/{id}': '5/min' } });
  await runOk(['plan', 'set', '--domain', 'acme', '-', '--data', data], { input });
  servers = await Promise.all(folders.map(start));
  await sleep(1000); // by then each knows of the others
});
after(() => Promise.all(servers.map((server) => server.stop())));

const ask = (server, creds) => call(server.url, 'GET', NUMBERS, creds);
const remaining = (answer) => Number(answer.headers.get('x-ratelimit-remaining'));

// No number is linked: 404 is the answer of a call that passed.
function countPassed(answers) {
  for (const { status, text } of answers) assert.ok(status === 404 || status === 429, `${status} ${text}`);
  return answers.filter(({ status }) => status === 404).length;
}

// `n` calls at once; `place` says at which server each.
const askAll = (n, creds, place) =>
  Promise.all(Array.from({ length: n }, (_, i) => ask(servers[place(i)], creds)));

async function assertFull(creds) {
  for (const server of servers) {
    const answers = await Promise.all(Array.from({ length: 10 }, () => ask(server, creds)));
    for (const answer of answers) {
      assert.equal(answer.status, 429);
      assert.equal(answer.json.error, 'rate_limit_exceeded');
      assert.match(answer.headers.get('retry-after'), /^[1-9]\d*$/);
      assert.equal(remaining(answer), 0);
    }
  }
}

test('calls that are spread over all replicas', async () => {
  const creds = clients.pop();
  const passed = countPassed(await askAll(600, creds, (i) => i % REPLICAS));
  assert.ok(passed >= LIMIT && passed <= MOST, String(passed));
  await sleep(1000);
  await assertFull(creds);
});

test('all calls at one replica', async () => {
  const creds = clients.pop();
  const passed = countPassed(await askAll(600, creds, () => 1));
  assert.ok(passed >= LIMIT && passed <= MOST, String(passed));
  await sleep(1000);
  await assertFull(creds);
});

test('one after the other, each at another replica', async () => {
  const creds = clients.pop();
  const answers = [];
  for (let i = 0; i < LIMIT + 30; i++) answers.push(await ask(servers[i % REPLICAS], creds));
  const passed = countPassed(answers);
  assert.ok(passed >= LIMIT && passed <= MOST, String(passed));
  const resets = new Set(answers.map((answer) => answer.headers.get('x-ratelimit-reset')));
  assert.equal(resets.size, 1); // one window for all
  await assertFull(creds);
});

test('a second later every replica knows what the others counted', async () => {
  const creds = clients.pop();
  for (let i = 0; i < 20; i++) assert.equal((await ask(servers[i % 2], creds)).status, 404);
  await sleep(1000);
  assert.equal(remaining(await ask(servers[2], creds)), LIMIT - 21);
});

test('a small limit is kept exactly', async () => {
  const creds = clients.pop();
  const one = (server) => call(server.url, 'GET', '/waba-numbers/1', creds);
  const answers = await Promise.all(Array.from({ length: 30 }, (_, i) => one(servers[i % REPLICAS])));
  assert.equal(countPassed(answers), 5);
  const left = answers.filter(({ status }) => status === 404).map(remaining).sort();
  assert.deepEqual(left, [0, 1, 2, 3, 4]); // each number once
});

test('an address that used up its failures at one replica is refused by all', async () => {
  const wrong = { ...clients[0], secret: 'wrong' };
  let n = 0; // the same again would be one request
  const fail = async (server) => (await call(server.url, 'GET', `${NUMBERS}?n=${n++}`, wrong)).status;
  for (let i = 0; i < 60; i++) assert.equal(await fail(servers[0]), 401);
  assert.equal(await fail(servers[0]), 429);
  await eventually(async () => (await fail(servers[1])) === 429, { timeout: 3000, pause: 250 });
  assert.equal((await ask(servers[1], clients[0])).status, 404); // a good one passes all the same
});

test('a replica that stops has told all that it counted', async () => {
  const creds = clients.pop();
  for (let i = 0; i < 4; i++) await ask(servers[2], creds);
  const { status } = await servers[2].stop();
  assert.equal(status, 0);
  assert.equal(remaining(await ask(servers[0], creds)), LIMIT - 5);
  servers[2] = await start(folders[2]);
  assert.equal(remaining(await ask(servers[2], creds)), LIMIT - 6);
});

test('a stop waits for the calls that wait', async () => {
  const creds = clients.pop();
  const answers = Array.from({ length: 100 }, () => ask(servers[2], creds).catch(() => null));
  await answers[0];
  const { status } = await servers[2].stop();
  assert.equal(status, 0);
  for (const answer of await Promise.all(answers))
    assert.ok(answer === null || answer.status === 404 || answer.status === 503, answer?.text);
  servers[2] = await start(folders[2]);
});

test('a replica that is killed takes at most its share with it', async () => {
  const creds = clients.pop();
  const before = countPassed(await askAll(100, creds, (i) => i % REPLICAS));
  await servers[2].kill9();
  const after = countPassed(await askAll(300, creds, (i) => i % 2));
  assert.ok(before + after >= LIMIT && before + after <= MOST, String(before + after));
  servers[2] = await start(folders[2]);
  await assertFull(creds);
});
