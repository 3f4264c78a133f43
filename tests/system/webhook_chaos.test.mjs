// kill -9 at any moment while Meta's webhooks pour in and the client's endpoints come and go: what was
// answered 200 is applied once, every event of it reaches every endpoint that wanted it, in order and
// with the same bytes, and nothing is left over. What must be is worked out from what was sent, by
// rules written down a second time (lib/stream_model.mjs), and compared with what is there.
//
// HUDHUD_TEST_SCALE=full: 300 rounds, some five minutes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { call, ownAddress, startServe, storeSql } from './lib/hudhud.mjs';
import { LOCAL } from './lib/endpoint.mjs';
import { MOODS, addMoody } from './lib/moody.mjs';
import { addApp } from './lib/meta.mjs';
import { assertSound } from './lib/store.mjs';
import { SENDERS, WABAS, insist, sendOn, startStream, streamScenario } from './lib/stream.mjs';
import { checkStream, numbersOf } from './lib/stream_checks.mjs';
import { eventually, sleep, startWorld } from './lib/world.mjs';

const FULL = process.env.HUDHUD_TEST_SCALE === 'full';
const ROUNDS = FULL ? 300 : 20;
const ROUNDS_MS = FULL ? Infinity : 25000; // a machine that is slow or busy plays fewer
const ROUND_MS = 500; // at most, and at least a fifth of it
const SEND_PAUSE_MS = 80; // of each sender, at most
const DRAIN_MS = FULL ? 300000 : 60000;
const SOUND_EVERY = 5; // rounds
const PAGE = 100; // rows of history
const RETRIES = [100, 200, 400, ...Array.from({ length: 28 }, () => 500)].map((ms) => `${ms}ms`).join();
const ARGS = [...LOCAL, '--webhook-retries', RETRIES, '--webhook-timeout', '2s', '--sync-interval', '24h'];
const LISTEN = `${ownAddress(1)}:0`; // a sender that knows only the last port meets nobody else there
const WANTS = ['*', '*', ['number.limit.updated', 'account.updated'],
  ['template.status.updated', 'template.category.updated', 'number.name.updated'], '*'];

async function startChaos(t) {
  const world = await startWorld(t, { sim: { scenario: streamScenario() }, args: ARGS,
    listen: LISTEN, link: false });
  for (const waba of WABAS) assert.equal((await world.link(waba)).status, 201);
  await addApp(world.data);
  await world.sim.stop(); // what it says would undo what the test tells
  const endpoints = await addMoody(t, world.call, WANTS);
  const chaos = { data: world.data, creds: world.creds, server: world.server, endpoints,
    numbers: numbersOf(world.data), stream: startStream() };
  chaos.start = async () => {
    chaos.server = await startServe({ data: world.data, graphUrl: world.sim.url, args: ARGS,
      listen: LISTEN });
  };
  t.after(() => chaos.server.stop());
  return chaos;
}

// One goes through its moods after the other, two steps apart.
const setMoods = (chaos, round) => Promise.all(chaos.endpoints.map((endpoint, i) =>
  endpoint.setMood(MOODS[(round + 2 * i) % MOODS.length])));

// -> how many there were.
async function playRounds(chaos) {
  const end = Date.now() + ROUNDS_MS;
  let round = 0;
  for (; round < ROUNDS && Date.now() < end; round++) {
    await setMoods(chaos, round);
    await sleep(ROUND_MS * (0.2 + 0.8 * Math.random()));
    await chaos.server.kill9();
    assert.doesNotMatch(chaos.server.log(), /Sanitizer|runtime error/);
    if (round % SOUND_EVERY === 0) await assertSound(chaos.data);
    await chaos.start();
  }
  return round;
}

async function drain(chaos) {
  await Promise.all(chaos.endpoints.map((endpoint) => endpoint.setMood('up')));
  await insist(() => chaos.server.url, chaos.stream.last());
  await chaos.server.kill9(); // and whoever rests after failures begins anew
  await chaos.start();
  const open = "SELECT count(*) FROM jobs WHERE state IN ('waiting', 'behind')";
  const left = () => storeSql(chaos.data, open, { readOnly: true });
  await eventually(() => left() === '0', { timeout: DRAIN_MS, pause: 200, what: 'the last delivery' })
    .catch((error) => { throw new Error(`${error.message}: ${left()} are left`); });
}

// What the API says of each number in the end -> [{phone, messaging_limit, verified_name, history}],
// oldest change first.
async function readShown({ server, creds }) {
  const ask = async (path) => (await call(server.url, 'GET', path, creds)).json.data;
  const shown = [];
  for (const one of await ask('/waba-numbers?include=health')) {
    const history = [];
    for (let page = 1; history.length === (page - 1) * PAGE; page++)
      history.push(...await ask(`/waba-numbers/${one.id}/history?limit=${PAGE}&page=${page}`));
    shown.push({ phone: one.phone_number, messaging_limit: one.health.messaging_limit,
      verified_name: one.verified_name, history: history.reverse() });
  }
  return shown;
}

const timeout = FULL ? 3600000 : 240000;

test('kill -9 between Meta and the endpoints: once in, at least once out, in order', { timeout }, async (t) => {
  const chaos = await startChaos(t);
  let running = true;
  const senders = Promise.all(Array.from({ length: SENDERS }, (_, i) =>
    sendOn(chaos.stream, i, () => chaos.server.url, () => running, SEND_PAUSE_MS)));
  const rounds = await Promise.race([playRounds(chaos), senders]); // the latter only when one of them fails
  running = false;
  await senders;
  await drain(chaos);
  chaos.shown = await readShown(chaos);
  assert.deepEqual(await chaos.server.stop(), { status: 0, signal: null });
  await assertSound(chaos.data);
  const { faults, events, tries } = checkStream(chaos);
  const deliveries = [...chaos.stream.sent.values()];
  t.diagnostic(`${rounds} rounds: ${deliveries.length} of Meta's deliveries, ${events} events, ${tries} tries`);
  assert.deepEqual(faults.slice(0, 20), [], `${faults.length} faults`);
  assert.ok(rounds > 2 && events > rounds && tries > events);
});
