// What the system tests share: the real binary (path in HUDHUD), run as a person runs it. With
// HUDHUD_TEST_STORE=postgres every data folder has its store in a database of its own in PostgreSQL:
// in the server that HUDHUD_TEST_POSTGRES names the file of, or in one that this process starts.
//
// The signature here is made with Node's own crypto from developer-api.md §1.2 and shares nothing
// with the C code: where both agree, both are right.
import { execFileSync, spawn } from 'node:child_process';
import { createHmac, randomUUID } from 'node:crypto';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { sharedPostgres, sql, startPostgres } from './postgres.mjs';

export const binary = process.env.HUDHUD ?? path.resolve(import.meta.dirname ?? '.', '../../../build/hudhud');

export const storeKind = process.env.HUDHUD_TEST_STORE || 'sqlite'; // or 'postgres'
if (!['sqlite', 'postgres'].includes(storeKind)) throw new Error(`HUDHUD_TEST_STORE=${storeKind}?`);

const READY_MS = 20000; // a server under a sanitizer on a busy machine
const STOP_MS = 30000;

// Whatever a test leaves behind goes when its process ends, also when it failed.
const folders = new Set();
const children = new Set();
const databases = new Set(); // in a server that stays
let postgres = null;
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  if (databases.size > 0) postgres.dropDatabases([...databases]);
});

// A folder of its own in the system's temporary one, removed at the end.
export function temporaryFolder() {
  const folder = mkdtempSync(path.join(tmpdir(), 'hudhud-test-'));
  folders.add(folder);
  return folder;
}

// The tester's own HUDHUD_ variables, and PGHOST and its like, never leak into a test.
function cleanEnvironment(extra) {
  const env = { ...process.env };
  for (const name of Object.keys(env)) if (/^(HUDHUD|PG)/.test(name)) delete env[name];
  return { ...env, ...extra };
}

// Runs a program to its end -> {status, signal, stdout, stderr}. Never rejects for its exit status.
export function runProgram(program, args, { input = '', env = {}, cwd, timeout = 60000 } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: cleanEnvironment(env), cwd });
    children.add(child);
    const out = [];
    const err = [];
    const timer = setTimeout(() => child.kill('SIGKILL'), timeout);
    child.stdout.on('data', (d) => out.push(d));
    child.stderr.on('data', (d) => err.push(d));
    child.on('error', reject);
    child.on('close', (status, signal) => {
      clearTimeout(timer);
      children.delete(child);
      const stdout = Buffer.concat(out).toString();
      resolve({ status, signal, stdout, stderr: Buffer.concat(err).toString() });
    });
    child.stdin.on('error', () => {}); // a program need not read its input
    child.stdin.end(input);
  });
}

// `hudhud ARGS...` to its end.
export function run(args, options) {
  return runProgram(binary, args, options);
}

// The same, for what has to work: throws with all that was printed when it did not.
export async function runOk(args, options) {
  const result = await run(args, options);
  if (result.status !== 0) {
    throw new Error(`hudhud ${args.join(' ')}: status ${result.status ?? result.signal}\n` +
      `${result.stdout}${result.stderr}`);
  }
  return result;
}

// `hudhud ARGS... --json`, parsed.
export async function runJson(args, options) {
  return JSON.parse((await runOk([...args, '--json'], options)).stdout);
}

// A new, empty database in PostgreSQL -> its URL. Options: as of postgres.mjs.
export async function createDatabase(options) {
  const file = process.env.HUDHUD_TEST_POSTGRES;
  postgres ??= file ? sharedPostgres(file) : await startPostgres();
  const url = postgres.createDatabase(options);
  if (file) databases.add(url);
  return url;
}

// What `hudhud init` takes for a store of the kind that is tested: with SQLite that is nothing.
export async function newStore() {
  return storeKind === 'postgres' ? ['--store', await createDatabase()] : [];
}

// A new data folder -> its path.
export async function initFolder() {
  const data = path.join(temporaryFolder(), 'data');
  await runOk(['init', '--data', data, ...await newStore()]);
  return data;
}

// Where a folder's store is in PostgreSQL.
export const storeUrl = (data) => readFileSync(path.join(data, 'store'), 'utf8').trim();

// A folder with another one's key and nothing else -> its path.
export function folderWithKeyOf(data) {
  const folder = path.join(temporaryFolder(), 'data');
  mkdirSync(folder, { mode: 0o700 });
  copyFileSync(path.join(data, 'key'), path.join(folder, 'key'));
  chmodSync(path.join(folder, 'key'), 0o600);
  return folder;
}

// A folder of one more server on the same database -> its path.
export async function joinFolder(data, store = storeUrl(data), options = {}) {
  const folder = folderWithKeyOf(data);
  await runOk(['init', '--data', folder, '--store', store], options);
  return folder;
}

// Runs SQL in a folder's store -> what it returned, columns parted by |. `readOnly` is for a question
// beside a running server: SQLite's program would otherwise write to the database's log too.
export function storeSql(data, text, { readOnly = false } = {}) {
  if (storeKind === 'postgres') return sql(storeUrl(data), text);
  const options = ['-cmd', '.timeout 5000', ...readOnly ? ['-readonly'] : []]; // the server writes too
  return execFileSync('sqlite3', [...options, path.join(data, 'hudhud.db'), text]).toString().trim();
}

// The plan under which nothing is limited, made from what the binary knows.
let unlimited = null;
export async function unlimitedPlan() {
  if (!unlimited) {
    const { limits } = JSON.parse((await runOk(['plan', 'example'])).stdout);
    unlimited = { limits: Object.fromEntries(Object.keys(limits).map((name) => [name, 'unlimited'])) };
  }
  return unlimited;
}

// For a workspace that is to be called more often than its limits let.
export async function liftLimits(data, domain, { env } = {}) {
  const input = JSON.stringify(await unlimitedPlan());
  await runOk(['plan', 'set', '--domain', domain, '--data', data, '-'], { input, env });
}

// A workspace with a client -> the credentials that sign() and call() take. Rate limits are out of the
// way, but where `limits` is true.
export async function createClient(data, domain, { name = `Workspace ${domain}`, limits = false, env } = {}) {
  await runOk(['workspace', 'create', name, '--domain', domain, '--data', data], { env });
  if (!limits) await liftLimits(data, domain, { env });
  const client = await runJson(
    ['client', 'create', '--domain', domain, '--name', 'test', '--data', data], { env });
  return { domain, clientId: client.client_id, secret: client.hmac_secret };
}

// Lets go of the connections that Node keeps for more requests: a server that is stopped waits a
// second for those to come. Requests under way are not touched.
function closeIdleConnections() {
  for (const agent of [http.globalAgent, https.globalAgent]) {
    for (const socket of Object.values(agent.freeSockets).flat()) socket.destroy();
  }
  const place = Symbol.for('undici.globalDispatcher.1'); // fetch()'s
  const dispatcher = globalThis[place];
  if (!dispatcher) return;
  globalThis[place] = new dispatcher.constructor();
  dispatcher.close().catch(() => {});
}

// A loopback address that no other test's process uses, one of three: what listens there may go down
// and come back, and nobody takes its port meanwhile, or gets what was meant for it.
export const ownAddress = (nth) =>
  `127.${64 * nth + ((process.pid >> 16) & 63)}.${(process.pid >> 8) & 255}.${process.pid & 255}`;

// Starts `hudhud serve` on a free port and waits for its ready line
// -> {url, port, pid, child, log(), stop(), kill9()}.
export async function startServe({ data, graphUrl, listen = '127.0.0.1:0', env = {}, args = [] }) {
  const line = ['serve', '--data', data, '--listen', listen];
  if (graphUrl) line.push('--graph-url', graphUrl);
  const child = spawn(binary, [...line, ...args], {
    env: cleanEnvironment(env), stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.add(child);
  let log = '';
  let ended = null;
  const closed = new Promise((resolve) => {
    child.on('close', (status, signal) => {
      children.delete(child);
      ended = { status, signal };
      resolve(ended);
    });
  });
  child.stdout.on('data', (d) => { log += d; });

  const port = await new Promise((resolve, reject) => {
    const fail = (why) => reject(new Error(`hudhud serve ${why}:\n${log}`));
    const timer = setTimeout(() => { child.kill('SIGKILL'); fail('was not ready in time'); }, READY_MS);
    child.on('error', reject);
    child.stderr.on('data', (d) => {
      log += d;
      const ready = log.match(/: ready on https?:\/\/\S+:(\d+)/);
      if (ready) { clearTimeout(timer); resolve(Number(ready[1])); }
    });
    closed.then(() => { clearTimeout(timer); fail('ended before it was ready'); });
  });

  const end = async (signal) => {
    if (ended) return ended;
    closeIdleConnections();
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    const how = await closed;
    clearTimeout(timer);
    return how;
  };
  return {
    url: `http://${listen.startsWith('127.') ? listen.split(':')[0] : '127.0.0.1'}:${port}`,
    port,
    pid: child.pid,
    child,
    log: () => log,
    stop: () => end('SIGTERM'), // -> {status, signal}
    kill9: () => end('SIGKILL'),
  };
}

// The headers of one signed request. `path` carries the query: "/waba-numbers?include=health".
// creds: {domain, clientId, secret, timestamp?}.
export function sign(method, path, body, creds) {
  const timestamp = String(creds.timestamp ?? Math.floor(Date.now() / 1000));
  const hmac = createHmac('sha256', creds.secret);
  hmac.update(method.toUpperCase() + path + timestamp);
  hmac.update(body ?? '');
  return {
    Accept: 'application/json',
    'X-Awal-Signature-256': `sha256=${hmac.digest('hex')}`,
    'X-Timestamp': timestamp,
    'X-Domain': creds.domain,
    'X-Client-ID': creds.clientId,
  };
}

// One signed call -> {status, headers, text, json}. `url` is the server's, without /api/developer.
// A write has a key of its own, for two alike in one second would be one request sent twice: that is
// what `key` is for, or null for none at all.
export async function call(url, method, path, creds, { body, headers = {}, key = randomUUID() } = {}) {
  const signed = sign(method, path, body, creds);
  if (method !== 'GET' && key !== null) signed['Idempotency-Key'] = key;
  if (body !== undefined) signed['Content-Type'] = 'application/json';
  const answer = await fetch(`${url}/api/developer${path}`, {
    method, body, headers: { ...signed, ...headers },
  });
  const text = await answer.text();
  let json = null;
  try { json = JSON.parse(text); } catch { /* not JSON: the test sees text */ }
  return { status: answer.status, headers: answer.headers, text, json };
}
