// Three servers on one PostgreSQL, and thirty accounts that they share.
import assert from 'node:assert/strict';
import { call, createClient, joinFolder, startServe, storeSql } from './hudhud.mjs';
import { startSim } from './sim.mjs';
import { eventually, sleep } from './world.mjs';

export const ACCOUNTS = 30;
export const INTERVAL_S = 1;
export const TOKEN = 'EAAreplicas';
export const waba = (i) => String(9000 + i);
export const number = (i) => String(70000 + i);

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

// `data`: a folder that was just made. All accounts are linked, in turn by each server.
export async function startReplicas(t, data) {
  const sim = await startSim({ scenario });
  t.after(() => sim.stop());
  const creds = await createClient(data, 'acme');
  const folders = [data, await joinFolder(data), await joinFolder(data)];
  const start = async (folder) => {
    const server = await startServe({ data: folder, graphUrl: sim.url,
      args: ['--sync-interval', `${INTERVAL_S}s`, '--log-level', 'debug'] });
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

export const sharedOut = (world, wanted) =>
  eventually(() => world.held().join() === wanted, { what: `shares of ${wanted}` });
