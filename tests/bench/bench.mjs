// node bench.mjs HUDHUD: the table of README.md beside this, without the store's part.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { measure, median, printTable } from './measure.mjs';
import { startNginx, startNode, stopAll } from './servers.mjs';
import {
  BASE, CALL, newKeys, NUMBERS, SERVER_CORE, signedHeaders, startMeta, startServer, WRK_CORE,
} from './world.mjs';

const ROUNDS = 3;
const WORKSPACES = 1000;
const NUMBERS_EACH = 10;
const GONE = `${CALL}/999999999`;

const hudhud = path.resolve(process.argv[2]);
const folder = mkdtempSync(path.join(tmpdir(), 'hudhud-bench-'));

// Every server in turn, several rounds -> [name, median] rows. `headers()` are made for each round.
async function measureInTurn(servers) {
  const all = servers.map(() => []);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, server] of servers.entries()) {
      all[i].push(await measure({ ...server, headers: server.headers(), core: WRK_CORE }));
    }
  }
  return servers.map((server, i) => [server.name, median(all[i])]);
}

// A server with a certificate of its own making; wrk does not ask who signed it.
async function startTls(meta) {
  const files = ['certificate', 'key'].map((name) => path.join(folder, `${name}.pem`));
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256',
    '-nodes', '-subj', '/CN=localhost', '-days', '2', '-out', files[0], '-keyout', files[1]],
    { stdio: 'ignore' });
  const server = await startServer(hudhud, path.join(folder, 'tls'), meta,
    ['--tls-certificate-file', files[0], '--tls-key-file', files[1]]);
  if (!server.url.startsWith('https:')) throw new Error(`${server.url} is without TLS`);
  return server;
}

// The same call in other clothes, and writes. These are refused (404: there is no such number), which
// is kept for a repetition as any other answer is; each takes a commit.
async function benchVariants(ours, meta, client) {
  const get = () => signedHeaders(client);
  const remove = () => signedHeaders(client, { method: 'DELETE', target: GONE });
  const oldKey = path.join(folder, 'key.lua');
  writeFileSync(oldKey, 'wrk.method = "DELETE"\nwrk.headers["Idempotency-Key"] = "the-same"\n');
  const removal = { ...ours, url: ours.origin + BASE + GONE, headers: remove, refused: true };
  const tls = await startTls(meta);
  const tlsClient = await tls.control.createWorkspace(0);
  printTable('Other ways to call it:', await measureInTurn([
    { ...ours, name: 'GET, gzip', headers: () => ({ ...get(), 'Accept-Encoding': 'gzip' }) },
    { ...tls, name: 'GET over TLS', headers: () => signedHeaders(tlsClient) },
    { ...removal, name: 'DELETE, each with a new key', script: newKeys(folder) },
    { ...removal, name: 'DELETE, the same key: replayed', script: oldKey },
  ]));
  tls.control.close();
}

async function bench() {
  if (availableParallelism() < 2) {
    console.log('This machine has one core: the server and wrk share it, and the figures show it.');
  }
  const meta = await startMeta(hudhud, folder, [NUMBERS, ...Array(WORKSPACES).fill(NUMBERS_EACH)]);
  const ours = await startServer(hudhud, path.join(folder, 'ours'), meta);
  const client = await ours.control.createWorkspace(0);
  const headers = () => signedHeaders(client);
  const answer = await fetch(ours.url, { headers: signedHeaders(client) });
  const body = await answer.text();
  if (!answer.ok) throw new Error(`${ours.url}: ${answer.status} ${body}`);

  const nginx = await startNginx(folder, SERVER_CORE, body);
  const node = await startNode(folder, SERVER_CORE, client.hmac_secret, body);
  const bytes = Buffer.byteLength(body);
  printTable(`Signed GET ${CALL}, ${NUMBERS} numbers, ${bytes} bytes, 64 connections, one core:`,
    await measureInTurn([
      { name: 'hudhud', ...ours, headers },
      { name: 'nginx, static file', ...nginx, headers },
      { name: `Node.js ${process.version}, plain http`, ...node, headers },
    ]));
  await benchVariants(ours, meta, client);

  const began = Date.now();
  await ours.control.createWorkspaces(1, WORKSPACES);
  const seconds = ((Date.now() - began) / 1000).toFixed(0);
  const total = (WORKSPACES * NUMBERS_EACH).toLocaleString('en');
  console.log(`\nLinked ${WORKSPACES.toLocaleString('en')} workspaces, ${total} numbers: ${seconds} s`);
  printTable('The same call of the same workspace, with those in the database:',
    await measureInTurn([{ name: 'hudhud', ...ours, headers }]));
  ours.control.close();
}

try {
  await bench();
} finally {
  await stopAll();
  rmSync(folder, { recursive: true, force: true });
}
