// node load.mjs URL: signed calls over kept connections until its standard input ends; then one line,
// `N answered, N failed`, and status 1 when one failed. The client is in the HUDHUD_ variables.
import { createHmac } from 'node:crypto';
import http from 'node:http';

const WORKERS = 8;
const PAUSE_MS = 5;
const EXPECTED = 404; // of a workspace without numbers: read from the database all the same
const PATH = '/waba-numbers';

const base = new URL(process.argv[2]);
const { HUDHUD_DOMAIN: domain, HUDHUD_CLIENT_ID: clientId, HUDHUD_SECRET: secret } = process.env;
const agent = new http.Agent({ keepAlive: true, maxSockets: WORKERS });
const failures = new Map();
let answered = 0;
let running = true;

function headers() {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const hmac = createHmac('sha256', secret).update(`GET${PATH}${timestamp}`).digest('hex');
  return {
    Accept: 'application/json', 'X-Awal-Signature-256': `sha256=${hmac}`,
    'X-Timestamp': timestamp, 'X-Domain': domain, 'X-Client-ID': clientId,
  };
}

function call() {
  return new Promise((resolve, reject) => {
    const request = http.get({ host: base.hostname, port: base.port, agent, headers: headers(),
      path: `/api/developer${PATH}` }, (answer) => {
      answer.resume();
      answer.on('end', () => resolve(answer.statusCode)).on('error', reject);
    });
    request.on('error', reject);
  });
}

async function work() {
  while (running) {
    const outcome = await call().catch((error) => error.code);
    if (outcome === EXPECTED) answered++;
    else failures.set(outcome, (failures.get(outcome) ?? 0) + 1);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

process.stdin.on('end', () => { running = false; }).resume();
await Promise.all(Array.from({ length: WORKERS }, work));
agent.destroy();
const failed = [...failures.values()].reduce((sum, n) => sum + n, 0);
console.log(`${answered} answered, ${failed} failed`, failed ? Object.fromEntries(failures) : '');
process.exitCode = failed || !answered ? 1 : 0;
