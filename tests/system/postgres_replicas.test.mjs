// Several servers on one PostgreSQL: each account is asked about by one of them, and all of them tell
// the same.
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import {
  call, createClient, initFolder, runOk, startServe, storeSql, temporaryFolder,
} from './lib/hudhud.mjs';
import { startPostgres } from './lib/postgres.mjs';
import { ACCOUNTS, INTERVAL_S, TOKEN, number, sharedOut, startReplicas, waba } from './lib/replicas.mjs';
import { startSim } from './lib/sim.mjs';
import { admin } from './lib/wire.mjs';
import { eventually, sleep, startWorld } from './lib/world.mjs';

const confirmedAt = async (world, i) => (await world.ask(i, 'GET', '/waba-numbers?include=health'))
  .json.data.map((one) => [Date.parse(one.health.confirmed_at), one.health.stale]);

test('each account is asked once an interval, by one of three; all tell what was learnt', async (t) => {
  const world = await startReplicas(t, await initFolder());
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

  await t.test('who syncs an account is shown on each of them', async () => {
    for (const folder of world.folders) {
      const { json } = await admin(folder, 'GET', '/accounts');
      for (const { pid } of world.replicas)
        assert.equal(json.data.filter((one) => one.replica.endsWith(`:${pid}`)).length, 10);
    }
  });
});

test('linking and unlinking on one replica what another one syncs', async (t) => {
  const world = await startReplicas(t, await initFolder());
  await sharedOut(world, '10,10,10');
  const holder = (id) => {
    const pid = world.sql(`SELECT r.name FROM accounts a JOIN replicas r ON r.id = a.replica_id
      WHERE waba_id = '${id}' AND unlinked_at IS NULL`).split(':')[1];
    return world.replicas.findIndex((one) => String(one.pid) === pid);
  };
  const other = (id) => (holder(id) + 1) % 3;

  await t.test('with its last number the account is unlinked, and asked about no more', async () => {
    const before = holder(waba(4));
    assert.equal((await world.ask(other(waba(4)), 'DELETE', `/waba-numbers/${number(4)}`)).status, 200);
    await sleep(1500);
    const counts = await world.countSyncs(2500);
    assert.equal(counts.get(waba(4)), 0);
    for (let k = 0; k < 3; k++)
      assert.equal((await world.ask(k, 'GET', `/waba-numbers/${number(4)}`)).status, 404);
    assert.equal((await world.link(before, waba(4))).status, 201); // the shares are even again
    assert.ok((await world.countSyncs(3000)).get(waba(4)) >= 1);
  });

  await t.test('an answer that comes when the account is another\'s is dropped', async () => {
    const [from, to] = [holder(waba(7)), other(waba(7))];
    await world.sim.putFaults([{ kind: 'latency', ms: 5000,
      match: { path_contains: `${waba(7)}/phone_numbers` } }]);
    await sleep(2000); // it is being asked about, and is for some time, also on a busy machine
    const id = (i) => `(SELECT id FROM replicas WHERE name LIKE '%:${world.replicas[i].pid}')`;
    world.sql(`UPDATE accounts SET replica_id = CASE WHEN waba_id = '${waba(7)}' THEN ${id(to)} ELSE ${id(from)} END
      WHERE waba_id IN ('${waba(7)}', (SELECT min(waba_id) FROM accounts WHERE replica_id = ${id(to)}))`); // no surplus
    await world.sim.clearFaults(); // for what is asked from now on
    await eventually(() => /sync_dropped.*another replica/.test(world.replicas[from].log()),
      { what: 'the answer is dropped' });
    await sharedOut(world, '10,10,10');
    assert.ok((await world.countSyncs(3000)).get(waba(7)) >= 1, 'asked about by the other');
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

test('when nothing is to be asked, nothing is written; what was confirmed before a stop is kept', async (t) => {
  const world = await startWorld(t, { args: ['--sync-interval', '15m'] });
  const generation = () => storeSql(world.data, 'SELECT generation FROM store_state');
  const confirmed = async () =>
    (await world.call('GET', '/waba-numbers/1')).json.data.health.confirmed_at;
  await sleep(1500);
  const before = generation();
  await sleep(4000);
  assert.equal(generation(), before);
  await sleep(1000); // confirmed_at tells seconds
  await world.call('POST', '/waba-numbers/1/sync');
  const at = await confirmed();
  await world.restart(['--sync-interval', '15m']);
  assert.equal(await confirmed(), at, 'and the account is not due yet');
});

test('PostgreSQL is away for a while, and at the end', async (t) => {
  const postgres = await startPostgres();
  t.after(() => postgres.stop());
  const sim = await startSim({ numbers: 1 });
  t.after(() => sim.stop());
  const data = path.join(temporaryFolder(), 'data');
  await runOk(['init', '--data', data, '--store', postgres.createDatabase()]);
  const creds = await createClient(data, 'acme');
  const server = await startServe({ data, graphUrl: sim.url, args: ['--sync-interval', '1s'] });
  t.after(() => server.stop());
  const answer = await call(server.url, 'POST', '/waba-numbers', creds,
    { body: JSON.stringify({ waba_id: sim.wabaId, access_token: sim.token }) });
  assert.equal(answer.status, 201, answer.text);
  const asked = async () => (await sim.requests()).length;
  await postgres.restart('immediate');
  await sim.clearRequests();
  await eventually(async () => await asked() > 0, { timeout: 60000, what: 'a sync' });
  await postgres.stop('immediate');
  assert.deepEqual(await server.stop(), { status: 0, signal: null });
});
