// What a server on a shared PostgreSQL asked about, when it is killed, stopped or paused.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { initFolder } from './lib/hudhud.mjs';
import { sharedOut, startReplicas } from './lib/replicas.mjs';
import { eventually } from './lib/world.mjs';

const TAKEOVER_MS = 30000;

test('what a killed replica held the others ask about within 30 s', async (t) => {
  const world = await startReplicas(t, await initFolder());
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

test('a replica that was paused for long finds its accounts gone, and takes its share anew', async (t) => {
  const world = await startReplicas(t, await initFolder());
  await sharedOut(world, '10,10,10');
  const [first] = world.replicas;
  first.child.kill('SIGSTOP');
  await eventually(() => world.held().join() === '15,15', { timeout: TAKEOVER_MS, what: 'the takeover' });
  first.child.kill('SIGCONT');
  await sharedOut(world, '10,10,10');
  const counts = await world.countSyncs(4000);
  for (const [id, n] of counts) assert.ok(n >= 2 && n <= 6, `account ${id}: asked ${n} times in 4 s`);
});
