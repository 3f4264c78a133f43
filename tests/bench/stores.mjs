// node stores.mjs HUDHUD STORE_BENCH: the same calls with the store in SQLite and in a PostgreSQL of its own, whose
// commits are on disk before it says so. One right after the other, so that what else the machine does
// befalls both alike; of the ratios of all pairs the middle one is told.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startPostgres } from '../system/lib/postgres.mjs';
import { measure, median, printTable } from './measure.mjs';
import { stopAll } from './servers.mjs';
import { BASE, CALL, newKeys, NUMBERS, signedHeaders, startMeta, startServer, WRK_CORE } from './world.mjs';

const PAIRS = 7;
const SECONDS = 3;
const TARGETS = 5000; // far more than answers are kept, so that each is read
const GONE = `${CALL}/999999999`;

const hudhud = path.resolve(process.argv[2]);
const folder = mkdtempSync(path.join(tmpdir(), 'hudhud-stores-'));
const middle = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

// A script that asks for as many addresses in turn, each signed.
function manyTargets(client, name) {
  const file = path.join(folder, `${name}.lua`);
  const requests = Array.from({ length: TARGETS }, (_, i) => {
    const target = `${CALL}?n=${i}`;
    const headers = Object.entries(signedHeaders(client, { target }))
      .map(([key, value]) => `["${key}"]="${value}"`);
    return `wrk.format("GET","${BASE}${target}",{${headers.join(',')}})`;
  });
  writeFileSync(file, `local all = {}
function init() all = {${requests.map((one) => `function() return ${one} end`).join(',')}} end
local n = 0
function request() n = n % ${TARGETS} + 1; return all[n]() end
`);
  return file;
}

// What is asked of a server -> what measure() takes.
const kinds = [
  ['GET, the same again', ({ server, client }) => ({ ...server, headers: signedHeaders(client) })],
  ['GET, each time read', ({ server, client, name }) => ({
    ...server, headers: {}, script: manyTargets(client, name),
  })],
  ['DELETE, each with a new key', ({ server, client }) => ({
    ...server, url: server.origin + BASE + GONE, refused: true, script: newKeys(folder),
    headers: signedHeaders(client, { method: 'DELETE', target: GONE }),
  })],
];

async function measureKind(servers, [name, targetOf]) {
  const all = servers.map(() => []);
  for (let pair = 0; pair < PAIRS; pair++) {
    const turn = pair % 2 ? [...servers.keys()].reverse() : [...servers.keys()];
    for (const i of turn) {
      all[i].push(await measure({ ...targetOf(servers[i]), core: WRK_CORE },
        { seconds: SECONDS, warmUp: 1 }));
    }
  }
  printTable(name, servers.map((one, i) => [one.name, median(all[i])]));
  const ratios = all[1].map((m, k) => m.cpu / all[0][k].cpu);
  console.log(`CPU, PostgreSQL / SQLite, middle of ${PAIRS} pairs: ${middle(ratios).toFixed(3)}`);
}

async function bench() {
  const postgres = await startPostgres({ settings: { fsync: 'on', shared_buffers: '256MB' } });
  const meta = await startMeta(hudhud, folder, [NUMBERS, NUMBERS]);
  const stores = [['SQLite', []], ['PostgreSQL', ['--store', postgres.createDatabase()]]];
  const servers = [];
  for (const [i, [name, init]] of stores.entries()) {
    const server = await startServer(hudhud, path.join(folder, name), meta, [], init);
    servers.push({ name, server, client: await server.control.createWorkspace(i) });
  }
  for (const kind of kinds) await measureKind(servers, kind);
  servers.forEach(({ server }) => server.control.close());
  await stopAll();

  console.log('\nThe store alone, durable writes to PostgreSQL:');
  execFileSync(path.resolve(process.argv[3]), [postgres.createDatabase()], { stdio: 'inherit' });
  await postgres.stop();
}

try {
  await bench();
} finally {
  await stopAll();
  rmSync(folder, { recursive: true, force: true });
}
