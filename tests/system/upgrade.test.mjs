// Restarts that nobody notices: a supervisor holds the sockets, as systemd does, and each new server
// takes them over.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import http from 'node:http';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { binary, createClient, initFolder, runOk, sign } from './lib/hudhud.mjs';
import { eventually } from './lib/world.mjs';

const SUPERVISOR = fileURLToPath(new URL('./lib/supervisor.pl', import.meta.url));

// hudhud serve under the supervisor -> {port, opsPort, lines(), command(), starts()}.
async function supervise(t, data, args = []) {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('HUDHUD')));
  const child = spawn('perl', [SUPERVISOR, binary, 'serve', '--data', data, ...args],
    { env, stdio: ['pipe', 'pipe', 'pipe'] });
  let said = '';
  let log = '';
  child.stdout.on('data', (d) => { said += d; });
  child.stderr.on('data', (d) => { log += d; });
  t.after(async () => {
    const closed = new Promise((resolve) => { child.on('close', resolve); });
    child.stdin.end();
    const timer = setTimeout(() => child.kill('SIGKILL'), 20000);
    await closed;
    clearTimeout(timer);
  });
  const lines = (begin) => said.split('\n').filter((line) => line.startsWith(begin));
  await eventually(() => lines('notify READY=1').length === 1, { what: `ready (${log})` });
  const [, port, opsPort] = lines('ports')[0].split(' ').map(Number);
  return { port, opsPort, lines, log: () => log, command: (text) => child.stdin.write(`${text}\n`) };
}

// One signed GET -> its status; rejects when there is no whole answer.
function ask(port, creds, agent) {
  return new Promise((resolve, reject) => {
    const headers = sign('GET', '/waba-numbers', '', creds);
    const request = http.get({ host: '127.0.0.1', port, path: '/api/developer/waba-numbers', headers, agent },
      (answer) => {
        answer.resume();
        answer.on('end', () => resolve(answer.statusCode));
        answer.on('error', reject);
      });
    request.on('error', reject);
  });
}

test('five restarts under load: not one request fails', async (t) => {
  const data = await initFolder();
  const creds = await createClient(data, 'acme');
  await runOk(['plan', 'set', '--domain', 'acme', '--data', data, '-'],
    { input: '{"limits": {"GET /waba-numbers": "unlimited"}}' });
  const server = await supervise(t, data, ['--threads', '2']);

  const failures = [];
  let answered = 0;
  let on = true;
  const agent = new http.Agent({ keepAlive: true, maxSockets: 16 });
  t.after(() => agent.destroy());
  const worker = async (which) => {
    while (on) {
      try {
        const status = await ask(server.port, creds, which);
        if (status === 404) answered++; // "No connected numbers"
        else failures.push(`status ${status}`);
      } catch (error) {
        failures.push(`${which ? 'kept' : 'new'} connection: ${error.message}`);
      }
    }
  };
  const load = [...Array.from({ length: 16 }, () => worker(agent)), ...Array.from({ length: 4 }, () => worker(false))];
  for (let i = 1; i <= 5; i++) {
    const before = answered;
    await eventually(() => answered > before + 200, { timeout: 30000, what: 'load' });
    server.command('restart');
    await eventually(() => server.lines('notify READY=1').length === i + 1, { timeout: 30000, what: 'the next server' });
  }
  on = false;
  await Promise.all(load);
  assert.deepEqual(failures, []);
  assert.equal(server.lines('started').length, 6);
  assert.ok(server.lines('ended').every((line) => line.endsWith(' 0')), server.log());
  t.diagnostic(`${answered} requests answered over five restarts`);
});

test('the service manager hears what the server does', async (t) => {
  const data = await initFolder();
  const server = await supervise(t, data, ['--listen', '127.0.0.1:1', '--ops-listen', '127.0.0.1:1']);
  assert.match(server.log(), new RegExp(`ready on http://127.0.0.1:${server.port} `));
  assert.equal((await fetch(`http://127.0.0.1:${server.opsPort}/readyz`)).status, 200);
  await eventually(() => server.lines('notify WATCHDOG=1').length > 0);
  server.command('hup');
  await eventually(() => server.lines('notify READY=1').length === 2);
  assert.match(server.lines('notify RELOADING=1')[0], /^notify RELOADING=1 MONOTONIC_USEC=\d+$/);
  server.command('restart');
  await eventually(() => server.lines('started').length === 2);
  await eventually(() => server.lines('notify STOPPING=1').length === 1);
  await eventually(() => server.lines('notify READY=1').length === 3);
});
