// node webhooks.mjs HUDHUD [in|out]: Meta's webhooks in, and events out (README.md beside this); one of
// them alone.
import { execFileSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { cpuMicroseconds, load, residentMiB } from './measure.mjs';
import { accountId, scenario } from './seed.mjs';
import { start, stop, stopAll } from './servers.mjs';
import { startServer, WRK_CORE } from './world.mjs';

const SECRET = 'bench-app-secret';
const NUMBERS = 500;
const SECONDS = 5;
const EVENTS_A_SECOND = 1000;
const DEAD_WEBHOOKS = 1000;
const DEAD_DELIVERIES = 1000000;
const OUT = ['--webhook-allow-http', 'true', '--webhook-allow-private', 'true', '--log-level', 'error'];

const hudhud = path.resolve(process.argv[2]);
const only = process.argv[3];
if (![undefined, 'in', 'out'].includes(only)) throw new Error(`in or out, and not ${only}`);
const folder = mkdtempSync(path.join(tmpdir(), 'hudhud-webhooks-'));
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const sign = (raw) => `sha256=${createHmac('sha256', SECRET).update(raw).digest('hex')}`;
const phone = (i) => `9665${String(i % NUMBERS).padStart(8, '0')}`;
const quantile = (sorted, q) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];

const tier = (n) => `TIER_BENCH_${n}`; // none of Meta's

// The n-th change, each one news.
const change = (n, time) => JSON.stringify({ object: 'whatsapp_business_account',
  entry: [{ id: accountId(0), time, changes: [{ field: 'phone_number_quality_update',
    value: { display_phone_number: phone(n), event: 'UPGRADE', current_limit: tier(n) } }] }] });

async function startMeta() {
  const file = path.join(folder, 'scenario.json');
  writeFileSync(file, scenario([NUMBERS]));
  const { pid, match } = await start(hudhud, ['sim', '--listen', '127.0.0.1:0', '--scenario', file, '--quiet'],
    { ready: /ready on (http:\/\/[\d.:]+)/ });
  return { pid, url: match[1] };
}

async function startOurs(name, meta) {
  const server = await startServer(hudhud, path.join(folder, name), meta.url, OUT, [], '0,1');
  await server.control.createWorkspace(0);
  await server.control.request('POST', '/apps', { app_id: '1', secret: SECRET, verify_token: 'v' });
  return server;
}

// --- in -----------------------------------------------------------------------------------------

// Many different deliveries, signed beforehand: a line each.
function writeDeliveries(n, begin) {
  const file = path.join(folder, 'deliveries');
  const time = Math.floor(Date.now() / 1000) - 1000;
  writeFileSync(file, Array.from({ length: n }, (_, i) => {
    const raw = change(begin + i, time);
    return `${sign(raw)} ${raw}\n`;
  }).join(''));
  const script = path.join(folder, 'deliveries.lua');
  writeFileSync(script, `local all, n = {}, 0
function init()
  for line in io.lines("${file}") do
    all[#all + 1] = line
  end
end
function request()
  n = n % #all + 1
  local signature, body = all[n]:match("^(%S+) (.*)$")
  return wrk.format("POST", "/webhooks/meta",
    {["X-Hub-Signature-256"] = signature, ["Content-Type"] = "application/json"}, body)
end
`);
  return script;
}

async function benchIn(meta) {
  const server = await startOurs('in', meta);
  const script = writeDeliveries(150000, 0);
  const before = cpuMicroseconds(server.pid);
  const report = await load({ url: server.origin, headers: {}, core: WRK_CORE, script, connections: 64 }, SECONDS);
  const spent = cpuMicroseconds(server.pid) - before;
  console.log(`\nMeta's webhooks in, one change each, durable before the answer, 64 connections:
${report.perSecond.toFixed(0)} a second, median ${report.p50.toFixed(2)} ms, p99 ${report.p99.toFixed(2)} ms, ` +
    `${(spent / report.requests).toFixed(1)} us of CPU each, RSS ${residentMiB(server.pid).toFixed(0)} MiB`);
  server.control.close();
  await stop(server.pid);
}

// --- out ----------------------------------------------------------------------------------------

// Answers the challenge and notes when what came.
async function startReceiver() {
  const seen = new Map();
  const server = http.createServer((request, response) => {
    const parts = [];
    request.on('data', (d) => parts.push(d));
    request.on('end', () => {
      const json = JSON.parse(Buffer.concat(parts));
      if (json.type === 'verification') {
        response.end(JSON.stringify({ challenge: json.challenge }));
        return;
      }
      if (!seen.has(json.data.current)) seen.set(json.data.current, performance.now());
      response.end();
    });
  });
  server.keepAliveTimeout = 60000;
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${server.address().port}/`, seen, stop: () => { server.close(); server.closeAllConnections(); } };
}

const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
const post = (origin, raw) => new Promise((resolve, reject) => {
  const request = http.request(`${origin}/webhooks/meta`, { method: 'POST', agent,
    headers: { 'X-Hub-Signature-256': sign(raw), 'Content-Length': Buffer.byteLength(raw) } }, (response) => {
    response.resume();
    response.on('end', () => (response.statusCode === 200 ? resolve(performance.now())
      : reject(new Error(`${response.statusCode}`))));
  });
  request.on('error', reject);
  request.end(raw);
});

// A steady stream of changes -> how long each took from its commit to the receiver, in ms, sorted.
async function stream(server, receiver, seconds, begin) {
  const time = Math.floor(Date.now() / 1000);
  const committed = new Map();
  const pending = [];
  const began = performance.now();
  for (let i = 0; i < seconds * EVENTS_A_SECOND; i++) {
    const ahead = i * (1000 / EVENTS_A_SECOND) - (performance.now() - began);
    if (ahead > 1) await sleep(ahead);
    const n = begin + i;
    pending.push(post(server.origin, change(n, time)).then((at) => committed.set(tier(n), at)));
  }
  await Promise.all(pending);
  for (let waited = 0; [...committed.keys()].some((key) => !receiver.seen.has(key)); waited++) {
    if (waited > 300) throw new Error('not all events came');
    await sleep(100);
  }
  return [...committed].map(([key, at]) => Math.max(0, receiver.seen.get(key) - at)).sort((a, b) => a - b);
}

function printTimes(title, times) {
  console.log(`${title.padEnd(52)} median ${quantile(times, 0.5).toFixed(1)} ms, p95 ${quantile(times, 0.95).toFixed(1)} ms, ` +
    `p99 ${quantile(times, 0.99).toFixed(1)} ms`);
}

// Webhooks that answer once, for their verification, and then nobody is there -> what their URLs begin with.
async function makeDead(server) {
  const receiver = await startReceiver();
  for (let i = 0; i < DEAD_WEBHOOKS; i++) {
    await server.control.request('POST', '/workspaces/bench-0/webhooks',
      { url: `${receiver.url}${i}`, events: ['account.updated'] });
  }
  receiver.stop();
  return receiver.url;
}

// Rows as if they had been gone for a day: no HTTP call makes so many so soon.
function fillDead(data, url) {
  const now = Date.now();
  execFileSync('sqlite3', [path.join(data, 'hudhud.db'), `
BEGIN;
WITH RECURSIVE s (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < ${DEAD_DELIVERIES / DEAD_WEBHOOKS})
INSERT INTO events (workspace_id, event_id, name, body, wanted, created_at)
SELECT 1, 'evt_dead' || i, 'account.updated', '{"event":"account.updated","data":{}}', 1, ${now} FROM s;
INSERT INTO jobs (workspace_id, kind, webhook_id, event_id, state, attempts, due_at, created_at)
SELECT 1, 'deliver', w.id, e.id, 'waiting', 0, ${now}, ${now} FROM events e, webhooks w
WHERE e.event_id LIKE 'evt_dead%' AND w.url LIKE '${url}%';
COMMIT;
PRAGMA wal_checkpoint(TRUNCATE);`]);
  execFileSync('sync'); // the disk is not to be busy with it while something else is measured
}

async function benchOut(meta) {
  const server = await startOurs('out', meta);
  const receiver = await startReceiver();
  await stop(meta.pid); // what it says would undo what the changes tell
  await server.control.request('POST', '/workspaces/bench-0/webhooks', { url: receiver.url, events: ['number.limit.updated'] });
  await stream(server, receiver, 2, 0);
  const alone = await stream(server, receiver, SECONDS, 1000000);
  console.log(`\nEvents out, ${EVENTS_A_SECOND} a second, from the commit to the receiver:`);
  printTimes('alone', alone);
  const rss = residentMiB(server.pid);
  const dead = await makeDead(server);
  server.control.close();
  await stop(server.pid);
  fillDead(path.join(folder, 'out', 'data'), dead);
  const again = await startServer(hudhud, path.join(folder, 'out'), meta.url, OUT, null, '0,1');
  await sleep(5000);
  await stream(again, receiver, 2, 1500000);
  const beside = await stream(again, receiver, SECONDS, 2000000);
  printTimes(`beside ${DEAD_WEBHOOKS} dead webhooks, ${DEAD_DELIVERIES} waiting`, beside);
  console.log(`p95 ${(quantile(beside, 0.95) / quantile(alone, 0.95)).toFixed(2)} times that of alone; RSS ${rss.toFixed(0)} MiB, then ${residentMiB(again.pid).toFixed(0)} MiB`);
  again.control.close();
  await stop(again.pid);
  receiver.stop();
}

try {
  const meta = await startMeta();
  if (only !== 'out') await benchIn(meta);
  if (only !== 'in') await benchOut(meta);
} finally {
  agent.destroy();
  await stopAll();
  rmSync(folder, { recursive: true, force: true });
}
