// Several servers on one PostgreSQL: each account is asked about by one of them, whoever comes, goes
// or dies; and all of them tell the same.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  call, createClient, initFolder, joinFolder, runJson, startServe, storeSql,
} from './lib/hudhud.mjs';
import { startSim } from './lib/sim.mjs';
import { eventually, sleep } from './lib/world.mjs';

const ACCOUNTS = 30;
const INTERVAL_S = 1;
const TAKEOVER_MS = 30000;
const TOKEN = 'EAAreplicas';
const waba = (i) => String(9000 + i);
const number = (i) => String(70000 + i);

const scenario = {
  app: { id: '670843887433847', name: 'Test', secret: '0123456789abcdef0123456789abcdef' },
  tokens: [{ token: TOKEN, accounts: Array.from({ length: ACCOUNTS }, (_, i) => waba(i)) }],
  accounts: Array.from({ length: ACCOUNTS }, (_, i) => ({
    id: waba(i),
    name: `Account ${i}`,
    numbers: [{ id: number(i), display_phone_number: `+966 50 000 ${1000 + i}`,
      verified_name: `Number ${i}`, quality_rating: 'GREEN', status: 'CONNECTED' }],
    templates: [],
  })),
};

// Three servers, all accounts linked, in turn by each of them.
async function startReplicas(t, { interval = `${INTERVAL_S}s` } = {}) {
  const sim = await startSim({ scenario });
  t.after(() => sim.stop());
  const data = await initFolder();
  const creds = await createClient(data, 'acme');
  const folders = [data, await joinFolder(data), await joinFolder(data)];
  const start = async (folder) => {
    const server = await startServe({ data: folder, graphUrl: sim.url, args: ['--sync-interval', interval] });
    t.after(() => server.stop());
    return server;
  };
  const replicas = await Promise.all(folders.map(start));
  const ask = (i, method, what, body) => call(replicas[i].url, method, what, creds,
    { body: body && JSON.stringify(body) });
  const link = (i, id) => ask(i, 'POST', '/waba-numbers', { waba_id: id, access_token: TOKEN, replace: true });
  for (let i = 0; i < ACCOUNTS; i++) {
    const answer = await link(i % 3, waba(i));
    assert.equal(answer.status, 201, answer.text);
  }
  const world = {
    sim, data, folders, replicas, ask, link, start,
    sql: (text) => storeSql(data, text),
    // How many accounts each replica holds, fewest first; those that nobody holds too, when there are any.
    held: () => storeSql(data, `SELECT count(*) FROM accounts WHERE unlinked_at IS NULL
      GROUP BY replica_id ORDER BY 1`).split('\n').map(Number),
    // How often each account was asked about in so many ms.
    countSyncs: async (ms) => {
      await sim.clearRequests();
      await sleep(ms);
      const counts = new Map(scenario.accounts.map(({ id }) => [id, 0]));
      for (const { path: asked } of await sim.requests()) {
        const [, id] = asked.match(/\/(\d+)\/phone_numbers$/) ?? [];
        if (id) counts.set(id, counts.get(id) + 1);
      }
      return counts;
    },
  };
  return world;
}

const sharedOut = (world, wanted) =>
  eventually(() => world.held().join() === wanted, { what: `shares of ${wanted}` });

const confirmedAt = async (world, i) => (await world.ask(i, 'GET', '/waba-numbers?include=health'))
  .json.data.map((one) => [Date.parse(one.health.confirmed_at), one.health.stale]);

test('each account is asked once an interval, by one of three; all tell what was learnt', async (t) => {
  const world = await startReplicas(t);
  await sharedOut(world, '10,10,10');
  const counts = await world.countSyncs(6000);
  for (const [id, n] of counts) assert.ok(n >= 3 && n <= 8, `account ${id}: asked ${n} times in 6 s`);

  await t.test('confirmed_at moves on each of them', async () => {
    for (let i = 0; i < 3; i++) {
      const before = await confirmedAt(world, i);
      assert.equal(before.length, ACCOUNTS);
      await eventually(async () => (await confirmedAt(world, i))
        .every(([at, stale], k) => at > before[k][0] && !stale), { what: `confirmations on ${i}` });
    }
  });

  await t.test('a change is seen on each of them', async () => {
    for (const k of [0, 1, 2]) {
      const changed = Date.now();
      await world.sim.patchNumber(number(k), { quality_rating: 'RED' });
      for (let i = 0; i < 3; i++) {
        await eventually(async () => (await world.ask(i, 'GET', `/waba-numbers/${number(k)}`)).json.data
          .quality_rating === 'RED', { what: `the change on ${i}` });
      }
      const took = Date.now() - changed;
      assert.ok(took < (INTERVAL_S * 1.1 + 1) * 1000, `${took} ms`);
      t.diagnostic(`a change was seen on all after ${took} ms`);
    }
  });

  await t.test('who syncs an account is shown', async () => {
    const socket = JSON.parse(world.sql(`SELECT json_agg(name) FROM replicas WHERE syncs = 1`));
    assert.equal(new Set(socket).size, 3);
  });
});

test('what a killed replica held the others ask about within 30 s', async (t) => {
  const world = await startReplicas(t);
  await sharedOut(world, '10,10,10');
  const [first] = world.replicas;
  const mine = world.sql(`SELECT waba_id FROM accounts a JOIN replicas r ON r.id = a.replica_id
    WHERE r.name LIKE '%:${first.pid}'`).split('\n');
  assert.equal(mine.length, 10);
  await first.kill9();
  const killed = Date.now();
  await world.sim.clearRequests();
  const missing = new Set(mine);
  await eventually(async () => {
    for (const { path: asked } of await world.sim.requests()) {
      const [, id] = asked.match(/\/(\d+)\/phone_numbers$/) ?? [];
      missing.delete(id);
    }
    await world.sim.clearRequests();
    return missing.size === 0;
  }, { timeout: TAKEOVER_MS + 5000, pause: 200, what: 'the takeover' });
  const took = Date.now() - killed;
  assert.ok(took < TAKEOVER_MS, `${took} ms`);
  t.diagnostic(`asked about after ${took} ms`);
  await sharedOut(world, '15,15');

  await t.test('and share with it again when it is back', async () => {
    world.replicas[0] = await world.start(world.folders[0]);
    await sharedOut(world, '10,10,10');
    for (const [id, n] of await world.countSyncs(4000)) assert.ok(n >= 2 && n <= 6, `${id}: ${n}`);
  });

  await t.test('one that is stopped leaves its accounts at once', async () => {
    await world.replicas[0].stop();
    await eventually(() => world.held().join() === '15,15', { timeout: 4000, what: 'two shares' });
    assert.equal(world.sql('SELECT count(*) FROM replicas'), '2');
  });
});

test('linking and unlinking on one replica what another one syncs', async (t) => {
  const world = await startReplicas(t);
  await sharedOut(world, '10,10,10');
  const holder = (id) => {
    const pid = world.sql(`SELECT r.name FROM accounts a JOIN replicas r ON r.id = a.replica_id
      WHERE waba_id = '${id}' AND unlinked_at IS NULL`).split(':')[1];
    return world.replicas.findIndex((one) => String(one.pid) === pid);
  };
  const other = (id) => (holder(id) + 1) % 3;

  await t.test('with its last number the account is unlinked, and asked about no more', async () => {
    const i = other(waba(4));
    assert.equal((await world.ask(i, 'DELETE', `/waba-numbers/${number(4)}`)).status, 200);
    await sleep(1500);
    const counts = await world.countSyncs(2500);
    assert.equal(counts.get(waba(4)), 0);
    for (let k = 0; k < 3; k++)
      assert.equal((await world.ask(k, 'GET', `/waba-numbers/${number(4)}`)).status, 404);
    assert.equal((await world.link(i, waba(4))).status, 201);
    assert.ok((await world.countSyncs(3000)).get(waba(4)) >= 1);
  });

  await t.test('a token that is refused waits for long; linked again elsewhere it is asked at once',
    async () => {
      const i = other(waba(5));
      await world.sim.patchToken(TOKEN, { expired: true });
      await eventually(() => world.sql(`SELECT state FROM accounts WHERE waba_id = '${waba(5)}'`) ===
        'token_refused', { what: 'the refusal' });
      await world.sim.patchToken(TOKEN, { expired: false });
      const answer = await world.link(i, waba(5));
      assert.equal(answer.status, 201, answer.text);
      assert.equal(holder(waba(5)), i);
      const n = (await world.countSyncs(4000)).get(waba(5));
      assert.ok(n >= 2 && n <= 5, `asked ${n} times in 4 s`);
    });

  await t.test('a sync by hand needs no lease, and tells what Meta says now', async () => {
    for (let k = 0; k < 6; k++) {
      const wanted = k % 2 ? 'GREEN' : 'YELLOW';
      await world.sim.patchNumber(number(6), { quality_rating: wanted });
      const answers = await Promise.all([0, 1, 2].map((i) =>
        world.ask(i, 'POST', `/waba-numbers/${number(6)}/sync`)));
      for (const answer of answers) {
        assert.equal(answer.status, 200, answer.text);
        assert.equal(answer.json.data.quality_rating, wanted);
      }
    }
    const rows = (await world.ask(0, 'GET', `/waba-numbers/${number(6)}/history?limit=100`)).json.data
      .filter((row) => row.field === 'quality_rating').reverse();
    assert.equal(rows.length, 6);
    rows.forEach((row, k) => assert.equal(row.to, k % 2 ? 'GREEN' : 'YELLOW'));
  });
});

test('a replica that was paused for long finds its accounts gone, and takes its share anew', async (t) => {
  const world = await startReplicas(t);
  await sharedOut(world, '10,10,10');
  const [first] = world.replicas;
  first.child.kill('SIGSTOP');
  await eventually(() => world.held().join() === '15,15', { timeout: TAKEOVER_MS, what: 'the takeover' });
  first.child.kill('SIGCONT');
  await sharedOut(world, '10,10,10');
  const counts = await world.countSyncs(4000);
  for (const [id, n] of counts) assert.ok(n >= 2 && n <= 6, `account ${id}: asked ${n} times in 4 s`);
});
