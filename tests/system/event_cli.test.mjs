// The stream of events on the command line: hudhud call GET /events, and hudhud event follow.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import http from 'node:http';
import net from 'node:net';
import { test } from 'node:test';
import { binary, run, runJson, storeSql } from './lib/hudhud.mjs';
import { addApp, change, metaPost } from './lib/meta.mjs';
import { eventually, scenarioOf, sleep, startWorld } from './lib/world.mjs';

const WABA = '900';
const PHONE = '966500001000';
const OLDEST = `evt_${'0'.repeat(24)}`;

const environment = (url, { domain, clientId, secret }) =>
  ({ HUDHUD_URL: url, HUDHUD_DOMAIN: domain, HUDHUD_CLIENT_ID: clientId, HUDHUD_SECRET: secret });

async function startEvents(t) {
  const world = await startWorld(t,
    { sim: { scenario: scenarioOf([{ id: '111' }], { waba: WABA }) }, args: ['--sync-interval', '24h'] });
  await addApp(world.data);
  await world.sim.stop(); // what it says would undo what the tests tell
  let time = Math.floor(Date.now() / 1000) - 100000;
  let n = 0;
  world.happen = async () => {
    const tier = `TIER_${n++}`;
    const answer = await metaPost(world.url, change(WABA, 'phone_number_quality_update',
      { display_phone_number: PHONE, event: 'UPGRADE', current_limit: tier }, time++));
    assert.equal(answer.status, 200, answer.text);
    return tier;
  };
  world.review = (decision) => metaPost(world.url, change(WABA, 'account_review_update', { decision }));
  world.env = () => environment(world.url, world.creds);
  return world;
}

// A command that does not end by itself -> {out(), err(), lines(), end(signal), ended}.
function start(t, args, env) {
  const child = spawn(binary, args, { env: { ...process.env, ...env } });
  const command = { out: '', err: '' };
  child.stdout.on('data', (d) => { command.out += d; });
  child.stderr.on('data', (d) => { command.err += d; });
  command.ended = new Promise((resolve) => child.on('close', (status, signal) => resolve({ status, signal })));
  command.lines = () => command.out.split('\n').slice(0, -1);
  command.end = (signal) => { child.kill(signal); return command.ended; };
  t.after(() => child.kill('SIGKILL'));
  return command;
}

// A server that gives each request its answer: `answer(request, response, n)`.
async function startFake(t, answer) {
  const fake = { requests: [] };
  const server = http.createServer((request, response) => {
    fake.requests.push({ at: Date.now(), url: request.url, headers: request.headers });
    answer(request, response, fake.requests.length);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => { server.close(); server.closeAllConnections(); });
  fake.url = `http://127.0.0.1:${server.address().port}`;
  return fake;
}

test('hudhud call writes a stream as it comes, until Ctrl-C or the server ends it', async (t) => {
  const world = await startEvents(t);
  const command = start(t, ['call', '-i', 'GET', '/events'], world.env());
  await eventually(() => /^HTTP\/1\.1 200[^]*content-type: text\/event-stream[^]*\r\n\r\nretry: 3000\nid: evt_/i
    .test(command.out));
  const tier = await world.happen();
  await eventually(() => command.out.includes(tier), { timeout: 2000, what: 'the event, while it listens' });
  assert.match(command.out, /\nid: evt_\w{24}\nevent: number\.limit\.updated\ndata: \{"event":.*\}\n\n$/);
  assert.deepEqual(await command.end('SIGINT'), { status: null, signal: 'SIGINT' });
  const second = start(t, ['call', 'GET', '/events'], world.env());
  await eventually(() => second.out.includes('id: '));
  assert.ok(!second.out.includes('HTTP/1.1'));
  await world.server.stop();
  assert.deepEqual(await second.ended, { status: 0, signal: null });
  const away = await run(['call', 'GET', '/events'], { env: world.env() });
  assert.match(away.stderr, /start the server with "hudhud serve"/);
});

test('hudhud call says when a stream breaks, and what is no stream it prints as ever', async (t) => {
  const fake = await startFake(t, (request, response, n) => {
    response.writeHead(n === 1 ? 200 : 409, { 'Content-Type': n === 1 ? 'text/event-stream' : 'application/json' });
    response.write(n === 1 ? 'data: 1\n\n' : '{"error":"conflict",');
    setTimeout(() => (n === 1 ? response.destroy() : response.end('"message":"no"}')), 50);
  });
  const env = environment(fake.url, { domain: 'acme', clientId: 'c', secret: 's' });
  const cut = await run(['call', 'GET', '/events'], { env });
  assert.deepEqual([cut.status, cut.stdout], [1, 'data: 1\n\n']);
  assert.match(cut.stderr, /^hudhud: cannot make one signed call: the stream broke: /);
  const refused = await run(['call', 'GET', '/events'], { env });
  assert.deepEqual([refused.status, refused.stdout], [1, '{"error":"conflict","message":"no"}']);
  assert.match(refused.stderr, /answered with 409 conflict/);
});
