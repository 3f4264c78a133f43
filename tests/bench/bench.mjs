// node bench.mjs HUDHUD: the table of README.md beside this, without the store's part.
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { measure, median, printTable } from './measure.mjs';
import { startNginx, startNode, stopAll } from './servers.mjs';
import { CALL, NUMBERS, SERVER_CORE, signedHeaders, startMeta, startServer, WRK_CORE } from './world.mjs';

const ROUNDS = 3;
const WORKSPACES = 1000;
const NUMBERS_EACH = 10;

const hudhud = path.resolve(process.argv[2]);
const folder = mkdtempSync(path.join(tmpdir(), 'hudhud-bench-'));

// Every server in turn, several rounds -> [name, median] rows.
async function measureInTurn(servers, client) {
  const all = servers.map(() => []);
  for (let round = 0; round < ROUNDS; round++) {
    const headers = signedHeaders(client);
    for (const [i, server] of servers.entries()) {
      all[i].push(await measure({ ...server, headers, core: WRK_CORE }));
    }
  }
  return servers.map((server, i) => [server.name, median(all[i])]);
}

async function bench() {
  if (availableParallelism() < 2) {
    console.log('This machine has one core: the server and wrk share it, and the figures show it.');
  }
  const meta = await startMeta(hudhud, folder, [NUMBERS, ...Array(WORKSPACES).fill(NUMBERS_EACH)]);
  const ours = await startServer(hudhud, path.join(folder, 'ours'), meta);
  const client = await ours.control.createWorkspace(0);
  const answer = await fetch(ours.url, { headers: signedHeaders(client) });
  const body = await answer.text();
  if (!answer.ok) throw new Error(`${ours.url}: ${answer.status} ${body}`);

  const nginx = await startNginx(folder, SERVER_CORE, body);
  const node = await startNode(folder, SERVER_CORE, client.hmac_secret, body);
  const bytes = Buffer.byteLength(body);
  printTable(`Signed GET ${CALL}, ${NUMBERS} numbers, ${bytes} bytes, 64 connections, one core:`,
    await measureInTurn([
      { name: 'hudhud', ...ours },
      { name: 'nginx, static file', ...nginx },
      { name: `Node.js ${process.version}, plain http`, ...node },
    ], client));

  const began = Date.now();
  await ours.control.createWorkspaces(1, WORKSPACES);
  const seconds = ((Date.now() - began) / 1000).toFixed(0);
  const total = (WORKSPACES * NUMBERS_EACH).toLocaleString('en');
  console.log(`\nLinked ${WORKSPACES.toLocaleString('en')} workspaces, ${total} numbers: ${seconds} s`);
  printTable('The same call of the same workspace, with those in the database:',
    await measureInTurn([{ name: 'hudhud', ...ours }], client));
  ours.control.close();
}

try {
  await bench();
} finally {
  await stopAll();
  rmSync(folder, { recursive: true, force: true });
}
