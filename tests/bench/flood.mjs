// node flood.mjs HUDHUD: a good client, first alone, then beside 10,000 idle connections, then with a
// flood of bad signatures as well: what it waits, and how large the server is.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openIdle } from '../system/lib/crowd.mjs';
import { load, residentMiB } from './measure.mjs';
import { stopAll } from './servers.mjs';
import { NUMBERS, signedHeaders, startMeta, startServer, WRK_CORE } from './world.mjs';

const IDLE = 10000;
const SECONDS = 10;
const FLOOD_CONNECTIONS = 64;

const hudhud = path.resolve(process.argv[2]);
const folder = mkdtempSync(path.join(tmpdir(), 'hudhud-flood-'));

function print(what, good, flood, rss) {
  const cells = [good.perSecond.toFixed(0), good.p50.toFixed(2), good.p99.toFixed(2),
    flood ? flood.perSecond.toFixed(0) : '-', rss.toFixed(1)];
  console.log(what.padEnd(34) + cells.map((cell) => cell.padStart(12)).join(''));
}

async function bench() {
  const meta = await startMeta(hudhud, folder, [NUMBERS]);
  const server = await startServer(hudhud, folder, meta, ['--threads', '1']);
  const client = await server.control.createWorkspace(0);
  const good = () => load({ url: server.url, headers: signedHeaders(client), core: WRK_CORE,
    connections: 1 }, SECONDS);
  const bad = () => load({ url: server.url, core: WRK_CORE, connections: FLOOD_CONNECTIONS,
    headers: signedHeaders({ ...client, hmac_secret: 'wrong' }), refused: true }, SECONDS);

  console.log(`\nA good client with one connection, ${SECONDS} s each:`);
  console.log('beside it'.padEnd(34) + ['requests/s', 'p50 ms', 'p99 ms', 'flood/s', 'RSS MiB']
    .map((name) => name.padStart(12)).join(''));
  print('nobody', await good(), null, residentMiB(server.pid));
  const idle = await openIdle(Number(new URL(server.origin).port), IDLE);
  print(`${IDLE.toLocaleString('en')} idle connections`, await good(), null, residentMiB(server.pid));
  const [calls, flood] = await Promise.all([good(), bad()]);
  print('and a flood of bad signatures', calls, flood, residentMiB(server.pid));
  console.log(`still open: ${idle.open().toLocaleString('en')} idle connections`);
  idle.close();
  server.control.close();
}

try {
  await bench();
} finally {
  await stopAll();
  rmSync(folder, { recursive: true, force: true });
}
