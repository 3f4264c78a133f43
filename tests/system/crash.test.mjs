// kill -9 while a thousand links, syncs, unlinks and client changes go on: whatever was acknowledged
// is there after a restart, and the database is sound.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { call, liftLimits, startServe } from './lib/hudhud.mjs';
import { assertSound } from './lib/store.mjs';
import { adminIfAlive } from './lib/wire.mjs';
import { scenarioOf, startWorld, sleep } from './lib/world.mjs';

const ROUNDS = 6; // and more on a slow machine, until there were so many changes
const CHANGES = 1000;
const ACCOUNTS = 40;

function manyAccounts() {
  const scenario = scenarioOf([{ id: '1000' }]);
  for (let i = 1; i < ACCOUNTS; i++) {
    const waba = String(900 + i);
    const { accounts: [account] } = scenarioOf([{ id: String(1000 + i) }], { waba, templates: 0 });
    account.numbers[0].display_phone_number = `+966 50 111 ${1000 + i}`;
    scenario.accounts.push(account);
    scenario.tokens[0].accounts.push(waba);
  }
  return scenario;
}

test('what was acknowledged before kill -9 is there after it', { timeout: 240000 }, async (t) => {
  const world = await startWorld(t, { sim: { scenario: manyAccounts() }, link: false });
  const { sim, data, creds } = world;
  await liftLimits(data, 'acme');
  let server = world.server;
  const linked = new Map(); // waba -> true: acknowledged as linked, false: as unlinked, null: unknown
  const quality = new Map(); // Meta's id -> the rating a sync acknowledged; null: unknown
  const clients = new Map(); // client id -> {secret, enabled} as acknowledged; null: unknown
  let changes = 0;

  // Each worker owns its accounts and clients, so that what is expected is never a matter of order.
  const work = async (worker, running) => {
    for (let i = worker; running(); i = (i + 4) % ACCOUNTS) {
      const waba = String(900 + i), number = String(1000 + i);
      const state = linked.get(waba) ?? false;
      if (state === false) {
        linked.set(waba, null);
        const body = JSON.stringify({ waba_id: waba, access_token: sim.token });
        const answer = await call(server.url, 'POST', '/waba-numbers', creds, { body }).catch(() => null);
        if (answer?.status === 201) { linked.set(waba, true); changes++; }
      } else if (state === true && changes % 3 === 0) {
        linked.set(waba, null);
        const answer = await call(server.url, 'DELETE', `/waba-numbers/${number}`, creds).catch(() => null);
        if (answer?.status === 200) { linked.set(waba, false); changes++; }
      } else if (state === true) {
        const rating = ['GREEN', 'YELLOW', 'RED'][changes % 3];
        await sim.patchNumber(number, { quality_rating: rating });
        quality.set(number, null);
        const answer = await call(server.url, 'POST', `/waba-numbers/${number}/sync`, creds)
          .catch(() => null);
        if (answer?.status === 200) {
          assert.equal(answer.json.data.quality_rating, rating);
          quality.set(number, rating);
          changes++;
        }
      }
      const made = await adminIfAlive(data, 'POST', '/workspaces/acme/clients', { name: `w${worker}` });
      if (made) { clients.set(made.client_id, { secret: made.hmac_secret, enabled: true }); changes++; }
      const mine = [...clients.keys()].filter((_, n) => n % 4 === worker).at(-1);
      if (mine && clients.get(mine)?.enabled && changes % 2) {
        const before = clients.get(mine);
        clients.set(mine, null);
        const off = await adminIfAlive(data, 'PATCH', `/workspaces/acme/clients/${mine}`, { enabled: false });
        if (off) { clients.set(mine, { ...before, enabled: false }); changes++; }
      }
    }
  };

  const verify = async () => {
    const list = (await call(server.url, 'GET', '/waba-numbers', creds)).json.data ?? [];
    const byMeta = new Map(list.map((n) => [n.phone_number_id, n]));
    for (const [waba, state] of linked) {
      const number = String(Number(waba) + 100);
      if (state === null) { linked.set(waba, byMeta.has(number)); continue; }
      assert.equal(byMeta.has(number), state, `account ${waba}`);
    }
    for (const [number, rating] of quality)
      if (rating && byMeta.has(number)) assert.equal(byMeta.get(number).quality_rating, rating);
    const sampled = [...clients].slice(-60);
    for (const [clientId, known] of sampled) {
      if (!known) continue;
      const as = { domain: 'acme', clientId, secret: known.secret };
      const { status } = await call(server.url, 'GET', '/waba-numbers', as);
      assert.equal(status === 200 || status === 404, known.enabled, `client ${clientId}: ${status}`);
    }
  };

  let rounds = 0;
  for (; rounds < ROUNDS || changes < CHANGES; rounds++) {
    let stop = false;
    const workers = [0, 1, 2, 3].map((worker) => work(worker, () => !stop));
    await sleep(1200 + Math.random() * 1500);
    await server.kill9();
    stop = true;
    await Promise.all(workers);
    await assertSound(data);
    server = await startServe({ data, graphUrl: sim.url });
    t.after(() => server.stop());
    await verify();
  }
  t.diagnostic(`${changes} acknowledged changes over ${rounds} rounds`);
});
