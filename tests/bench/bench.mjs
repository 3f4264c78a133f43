// node bench.mjs HUDHUD: the table of README.md beside this, without the store's part.
import { execFileSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { measure, median, printTable } from './measure.mjs';
import { Control, scenario } from './seed.mjs';
import { start, startNginx, startNode, stopAll } from './servers.mjs';

const SERVER_CORE = '0';
const WRK_CORE = '1';
const ROUNDS = 3;
const NUMBERS = 5;
const WORKSPACES = 1000;
const NUMBERS_EACH = 10;
const BASE = '/api/developer';
const CALL = '/waba-numbers';

const hudhud = path.resolve(process.argv[2]);
const folder = mkdtempSync(path.join(tmpdir(), 'hudhud-bench-'));

// Good for 300 seconds: made anew for each round.
function signedHeaders({ domain, client_id: clientId, hmac_secret: secret }) {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const hmac = createHmac('sha256', secret).update(`GET${CALL}${timestamp}`).digest('hex');
  return {
    Accept: 'application/json',
    'X-Awal-Signature-256': `sha256=${hmac}`,
    'X-Timestamp': timestamp,
    'X-Domain': domain,
    'X-Client-ID': clientId,
  };
}

async function startHudhud() {
  const file = path.join(folder, 'scenario.json');
  writeFileSync(file, scenario([NUMBERS, ...Array(WORKSPACES).fill(NUMBERS_EACH)]));
  const sim = await start(hudhud, ['sim', '--listen', '127.0.0.1:0', '--scenario', file, '--quiet'],
    { ready: /ready on (http:\/\/[\d.:]+)/, core: WRK_CORE });
  const data = path.join(folder, 'data');
  execFileSync(hudhud, ['init', '--data', data]);
  const { pid, match } = await start(hudhud,
    ['serve', '--data', data, '--listen', '127.0.0.1:0', '--graph-url', sim.match[1]],
    { ready: /ready[^\n]*?127\.0\.0\.1:(\d+)/, core: SERVER_CORE });
  const control = new Control(path.join(data, 'control.sock'));
  return { pid, url: `http://127.0.0.1:${match[1]}${BASE}${CALL}`, control };
}

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
  const ours = await startHudhud();
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
