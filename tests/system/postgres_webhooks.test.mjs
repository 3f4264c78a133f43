// Several servers on one PostgreSQL, with Meta's webhooks coming to all of them: each of the client's
// endpoints is delivered to by one at a time, soon and in order, whoever took in what it is about; and
// by another one when that one stops or dies.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { call, createClient, initFolder, joinFolder, startServe, storeSql } from './lib/hudhud.mjs';
import { LOCAL } from './lib/endpoint.mjs';
import { addMoody } from './lib/moody.mjs';
import { APP, addApp, change, metaPost } from './lib/meta.mjs';
import { startSim } from './lib/sim.mjs';
import { SENDERS, WABAS, insist, sendOn, startStream, streamScenario } from './lib/stream.mjs';
import { checkStream, numbersOf } from './lib/stream_checks.mjs';
import { eventually, sleep } from './lib/world.mjs';

const REPLICAS = 3;
const RETRIES = Array.from({ length: 31 }, () => '300ms').join();
const ARGS = [...LOCAL, '--webhook-retries', RETRIES, '--sync-interval', '24h'];
const SEND_PAUSE_MS = 400; // of each sender, at most
const SOON_MS = 1000; // from an event to its delivery, of nearly all
const LATE_MS = 4000; // of any
const HANDOVER_MS = 5000; // after a clean stop
const TAKEOVER_MS = 40000; // after a kill: 24 s without a heartbeat, and some
const LONG = { timeout: 240000 };
const QUIET_MS = 3000;
const QUIET_COMMITS = 100; // a second, of three that have nothing to do

async function startThree(t) {
  const sim = await startSim({ scenario: streamScenario() });
  t.after(() => sim.stop());
  const data = await initFolder();
  const creds = await createClient(data, 'acme');
  const folders = [data];
  while (folders.length < REPLICAS) folders.push(await joinFolder(data));
  const start = async (folder) => {
    const server = await startServe({ data: folder, graphUrl: sim.url, args: ARGS });
    t.after(() => server.stop());
    return server;
  };
  const servers = await Promise.all(folders.map(start));
  const ask = (i, method, path, body) => call(servers[i].url, method, path, creds,
    { body: body && JSON.stringify(body) });
  for (const [i, waba] of WABAS.entries()) {
    const answer = await ask(i, 'POST', '/waba-numbers', { waba_id: waba, access_token: sim.token });
    assert.equal(answer.status, 201, answer.text);
  }
  await addApp(data);
  const challenge = `hub.mode=subscribe&hub.challenge=1&hub.verify_token=${APP.verify_token}`;
  for (const { url } of servers)
    await eventually(async () => (await fetch(`${url}/webhooks/meta?${challenge}`)).ok, { what: 'the app' });
  const sql = (text) => storeSql(data, text);
  const idOf = (server) => sql(`SELECT id FROM replicas WHERE name LIKE '%:${server.pid}'`);
  const restart = async (i) => { servers[i] = await start(folders[i]); };
  return { sim, data, servers, ask, sql, idOf, restart };
}

const holderOf = (world, endpoint) => world.sql(`SELECT replica_id FROM webhooks WHERE id = ${endpoint.id}`);

// Each endpoint is another one's, before anything is to be delivered.
async function shareOut(world, endpoints) {
  for (const [i, endpoint] of endpoints.entries())
    world.sql(`UPDATE webhooks SET replica_id = ${world.idOf(world.servers[i])} WHERE id = ${endpoint.id}`);
}

// How long each event took to an endpoint, in ms, shortest first; of those since `from`.
function delays(world, endpoint, from = 0) {
  const created = new Map(world.sql(`SELECT event_id, created_at FROM events WHERE created_at >= ${from}`)
    .split('\n').map((line) => line.split('|')));
  const first = new Map();
  for (const { id, at } of endpoint.receipts) if (!first.has(id)) first.set(id, at);
  return [...created].filter(([id]) => first.has(id)).map(([id, at]) => first.get(id) - Number(at))
    .sort((a, b) => a - b);
}

function assertSoon(world, endpoint, from) {
  const all = delays(world, endpoint, from);
  assert.ok(all.length > 20, `${all.length} events`);
  const most = all[Math.floor(all.length * 0.9)];
  assert.ok(most < SOON_MS, `nine of ten within ${most} ms`);
  assert.ok(all.at(-1) < LATE_MS, `the slowest after ${all.at(-1)} ms`);
  return `${all.length} events to endpoint ${endpoint.id}: half within ${all[all.length >> 1]} ms, ` +
    `nine of ten within ${most}, all within ${all.at(-1)}`;
}

const nextReceipt = (endpoint, timeout) => {
  const n = endpoint.receipts.length;
  const began = Date.now();
  return eventually(() => endpoint.receipts.length > n && Date.now() - began, { timeout, pause: 20, what: 'a delivery' });
};

const isLeft = (world) => world.sql("SELECT count(*) FROM jobs WHERE state IN ('waiting', 'behind')") !== '0';

test('each endpoint has its events soon, from one replica at a time, which may stop or die', LONG, async (t) => {
  const world = await startThree(t);
  await world.sim.stop(); // what it says would undo what the test tells
  const endpoints = await addMoody(t, (...line) => world.ask(0, ...line), ['*', '*', '*']);
  await shareOut(world, endpoints);
  const numbers = numbersOf(world.data);
  const stream = startStream();
  let running = true;
  const alive = new Set(world.servers.keys());
  const url = () => world.servers[[...alive][Math.floor(Math.random() * alive.size)]].url;
  const senders = Promise.all(Array.from({ length: SENDERS }, (_, i) =>
    sendOn(stream, i, url, () => running, SEND_PAUSE_MS)));

  await t.test('each is served by its own, with what all of them took in', async () => {
    const from = Date.now();
    await sleep(4000);
    for (const [i, endpoint] of endpoints.entries()) {
      t.diagnostic(assertSoon(world, endpoint, from));
      assert.equal(holderOf(world, endpoint), world.idOf(world.servers[i]), 'it kept it');
      const ids = endpoint.receipts.map(({ id }) => id);
      assert.equal(new Set(ids).size, ids.length, 'two delivered to it');
    }
  });

  await t.test('one that stops hands over at once', async () => {
    const [, endpoint] = endpoints;
    alive.delete(1);
    const before = world.idOf(world.servers[1]);
    await world.servers[1].stop();
    t.diagnostic(`delivered to ${await nextReceipt(endpoint, HANDOVER_MS)} ms after a stop`);
    assert.notEqual(holderOf(world, endpoint), before);
    await world.restart(1);
    alive.add(1);
  });

  await t.test('one that is killed is followed by another, and holds nobody else up', async () => {
    const [, , endpoint] = endpoints;
    const [other] = endpoints;
    alive.delete(2);
    await world.servers[2].kill9();
    const killed = Date.now();
    await sleep(500); // what it had sent
    t.diagnostic(`delivered to ${500 + await nextReceipt(endpoint, TAKEOVER_MS)} ms after a kill`);
    t.diagnostic(assertSoon(world, other, killed));
  });

  running = false;
  await senders;
  await insist(url, stream.last());
  await eventually(() => !isLeft(world), { timeout: 60000, pause: 200, what: 'the last delivery' });
  const { faults, events } = checkStream({ data: world.data, stream, numbers, endpoints });
  assert.deepEqual(faults.slice(0, 20), [], `${faults.length} faults`);
  t.diagnostic(`${events} events`);
});

test('what waits for one replica is left alone by the others, and taken up when it is gone', LONG, async (t) => {
  const world = await startThree(t);
  await world.sim.stop();
  const [endpoint] = await addMoody(t, (...line) => world.ask(0, ...line), ['*']);
  await shareOut(world, [endpoint]);
  await endpoint.setMood('down');
  const reviews = (n) => ({ object: 'whatsapp_business_account', entry: [{ id: WABAS[0], time: 1700000000,
    changes: Array.from({ length: n }, (_, i) => ({ field: 'account_review_update', value: { decision: `D${i}` } })) }] });
  assert.equal((await metaPost(world.servers[1].url, reviews(10))).status, 200);
  const unordered = world.sql("UPDATE jobs SET order_key = NULL, state = 'waiting' RETURNING id").split('\n');
  assert.equal(unordered.length, 10); // more than one that fails may have under way
  await sleep(2000);
  const commits = () => Number(world.sql(`SELECT xact_commit + xact_rollback FROM pg_stat_database
    WHERE datname = current_database()`));
  const before = commits();
  await sleep(QUIET_MS);
  const rate = (commits() - before) / (QUIET_MS / 1000);
  t.diagnostic(`${rate} transactions a second while ten wait`);
  assert.ok(rate < QUIET_COMMITS, `${rate} transactions a second`);
  await endpoint.setMood('up');
  await world.servers[0].stop();
  await eventually(() => !isLeft(world), { timeout: 15000, what: 'deliveries by another' });
  assert.equal(new Set(endpoint.acknowledged.map(({ id }) => id)).size, 10);
});

test('a hint that comes to one replica has the account synced at once by the one that holds it', async (t) => {
  const world = await startThree(t);
  const held = () => world.sql('SELECT count(DISTINCT replica_id) FROM accounts WHERE replica_id IS NOT NULL');
  await eventually(() => held() === String(REPLICAS), { what: 'one account to each' });
  for (const [i, waba] of WABAS.entries()) {
    const holder = world.sql(`SELECT replica_id FROM accounts WHERE waba_id = '${waba}'`);
    const elsewhere = world.servers.find((server) => world.idOf(server) !== holder);
    await world.sim.clearRequests();
    await world.sim.patchNumber(`${waba}00`, { quality_rating: 'RED' });
    const told = Date.now();
    const answer = await metaPost(elsewhere.url, change(waba, 'phone_number_quality_update',
      { display_phone_number: `96650${waba}1000`, event: 'UPGRADE', current_limit: `TIER_${i}` }));
    assert.equal(answer.json.data.unapplied, 0, answer.text);
    const rating = async (k) => (await world.ask(k, 'GET', `/waba-numbers/${waba}00`)).json.data.quality_rating;
    for (let k = 0; k < REPLICAS; k++)
      await eventually(async () => await rating(k) === 'RED', { timeout: 5000, what: 'what Meta says' });
    t.diagnostic(`synced ${Date.now() - told} ms after the hint`);
    await sleep(1000);
    const asked = (await world.sim.requests()).filter((one) => one.path.endsWith(`/${waba}/phone_numbers`)).length;
    assert.ok(asked >= 1 && asked <= 2, `asked ${asked} times`);
  }
});
