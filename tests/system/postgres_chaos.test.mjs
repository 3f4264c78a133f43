// Three servers on one PostgreSQL, under load: one is killed, the database crashes once, and one is
// cut off from it for 20 s. Each write is sent with its key, to any of the three, until somebody
// answers; each account is linked and unlinked in turn. A write that was lost, or done twice, would
// meet an account in the wrong state and be refused.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import net from 'node:net';
import { test } from 'node:test';
import { call, createClient, joinFolder, runOk, startServe, storeKind, temporaryFolder } from './lib/hudhud.mjs';
import { startPostgres } from './lib/postgres.mjs';
import { startSim } from './lib/sim.mjs';
import { eventually, scenarioOf, sleep } from './lib/world.mjs';

const WORKERS = 12;
const ANSWER_MS = 5000;
const CUT_MS = 20000;
const waba = (worker) => String(900 + worker);
const number = (worker) => String(1000 + worker);

function scenario() {
  const all = scenarioOf([{ id: number(0) }]);
  for (let i = 1; i < WORKERS; i++) {
    const { accounts: [account] } = scenarioOf([{ id: number(i) }], { waba: waba(i), templates: 0 });
    account.numbers[0].display_phone_number = `+966 50 111 ${1000 + i}`;
    all.accounts.push(account);
    all.tokens[0].accounts.push(waba(i));
  }
  return all;
}

// Before a server's port: held, nothing passes and nothing breaks, as in a network that drops packets.
async function startCable(target) {
  const pairs = new Set();
  let held = false;
  const server = net.createServer((client) => {
    const upstream = net.connect(target, '127.0.0.1');
    const pair = [client, upstream];
    pairs.add(pair);
    client.pipe(upstream).pipe(client);
    for (const one of pair) {
      one.on('error', () => {});
      one.on('close', () => { pairs.delete(pair); for (const other of pair) other.destroy(); });
      if (held) one.pause();
    }
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  return {
    port: server.address().port,
    hold: () => { held = true; for (const pair of pairs) for (const one of pair) one.pause(); },
    release: () => { held = false; for (const pair of pairs) for (const one of pair) one.resume(); },
    stop: () => { server.close(); for (const pair of pairs) for (const one of pair) one.destroy(); },
  };
}

test('a killed server, a crash of the database and a cut: nothing lost, nothing twice', { timeout: 180000 }, async (t) => {
  assert.equal(storeKind, 'postgres');
  const postgres = await startPostgres({ tcp: true });
  t.after(() => postgres.stop('immediate'));
  const cable = await startCable(postgres.port);
  t.after(() => cable.stop());
  const sim = await startSim({ scenario: scenario() });
  t.after(() => sim.stop());

  const direct = postgres.createDatabase();
  const name = new URL(direct).pathname;
  const user = new URL(direct).username;
  const throughCable = `postgres://${user}@127.0.0.1:${cable.port}${name}`;
  const data = `${temporaryFolder()}/data`;
  await runOk(['init', '--data', data, '--store', direct]);
  const creds = await createClient(data, 'acme');
  const folders = [data, await joinFolder(data), await joinFolder(data, throughCable)];
  const start = (i) => startServe({ data: folders[i], graphUrl: sim.url, args: ['--sync-interval', '2s'] });
  const servers = await Promise.all(folders.map((_, i) => start(i)));
  t.after(() => Promise.all(servers.map((one) => one.stop())));

  let running = true;
  let slowest = 0;
  let acknowledged = 0;
  let retried = 0;
  const statuses = new Map();

  // One attempt at one of them -> its answer; null: it is not there.
  const attempt = async (method, path, options) => {
    const began = Date.now();
    const server = servers[Math.floor(Math.random() * servers.length)];
    const answer = await call(server.url, method, path, creds, options).catch(() => null);
    if (!answer) return null;
    slowest = Math.max(slowest, Date.now() - began);
    statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
    return answer;
  };

  // Until somebody says what became of it.
  const insist = async (method, path, body) => {
    const key = randomUUID();
    for (;;) {
      const answer = await attempt(method, path, { body: body && JSON.stringify(body), key });
      const undecided = !answer || answer.status === 503 || answer.json?.error === 'request_in_progress';
      if (!undecided) return answer;
      retried++;
      if (answer?.status === 503) {
        assert.ok(Number(answer.headers.get('retry-after')) > 0, 'a 503 says when to come again');
        assert.match(answer.json.message, /\S/);
      }
      await sleep(100);
    }
  };

  const work = async (worker) => {
    let linked = false;
    while (running) {
      const answer = linked
        ? await insist('DELETE', `/waba-numbers/${number(worker)}`)
        : await insist('POST', '/waba-numbers', { waba_id: waba(worker), access_token: sim.token });
      assert.equal(answer.status, linked ? 200 : 201, `worker ${worker}: ${answer.text}`);
      linked = !linked;
      acknowledged++;
      const list = await attempt('GET', '/waba-numbers');
      assert.ok(!list || [200, 404, 503].includes(list.status), list?.text);
      await sleep(20);
    }
    return linked;
  };
  const workers = Array.from({ length: WORKERS }, (_, worker) => work(worker));
  const done = Promise.all(workers).catch((error) => { running = false; throw error; });

  const disturb = async () => {
    await sleep(3000);
    await servers[1].kill9();
    await sleep(3000);
    servers[1] = await start(1);
    await sleep(2000);
    await postgres.restart('immediate');
    await sleep(4000);
    cable.hold();
    await sleep(CUT_MS);
    cable.release();
    await sleep(4000);
    const before = acknowledged;
    await eventually(() => acknowledged > before + WORKERS, { timeout: 60000, what: 'writes on all' });
  };
  await Promise.race([disturb(), done]); // the latter only when one of them fails
  running = false;
  const linked = await done;

  const expected = linked.flatMap((is, worker) => (is ? [number(worker)] : [])).sort();
  for (const server of servers) {
    await eventually(async () => {
      const list = await call(server.url, 'GET', '/waba-numbers', creds);
      return (list.json.data ?? []).map((one) => one.phone_number_id).sort().join() === expected.join();
    }, { timeout: 5000, what: 'the same list on each' });
  }
  t.diagnostic(`${acknowledged} writes acknowledged, ${retried} sent again; the slowest answer took ${slowest} ms; ` +
    `statuses ${JSON.stringify(Object.fromEntries(statuses))}`);
  assert.ok(slowest < ANSWER_MS, `an answer took ${slowest} ms`);
  assert.deepEqual([...statuses.keys()].filter((s) => ![200, 201, 404, 409, 503].includes(s)), []);
  assert.ok(acknowledged > 100 && retried > 0);
});
