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

// `hudhud event follow`, once it listens.
async function follow(t, env, ...args) {
  const command = start(t, ['event', 'follow', ...args], env);
  await eventually(() => command.err.includes('connected'), { what: 'a connection' });
  return command;
}

const printed = (command, n) => eventually(() => command.lines().length >= n, { pause: 5, what: `${n} lines` });

// An address that stays when the server is another one; what goes through it can be cut.
async function startRelay(t, port) {
  const relay = { connections: 0, refuse: false };
  const pairs = new Set();
  const server = net.createServer((socket) => {
    relay.connections++;
    if (relay.refuse) { socket.resetAndDestroy(); return; }
    const other = net.connect(port(), '127.0.0.1');
    pairs.add(socket);
    for (const [one, two] of [[socket, other], [other, socket]]) {
      one.pipe(two);
      one.on('error', () => two.destroy());
      one.on('close', () => { two.destroy(); pairs.delete(socket); });
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  relay.cut = () => { for (const socket of pairs) socket.destroy(); };
  t.after(() => { server.close(); relay.cut(); });
  relay.url = `http://127.0.0.1:${server.address().port}`;
  return relay;
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

test('event follow: a line for each event, for people and as JSON, until it is told to end', async (t) => {
  const world = await startEvents(t);
  const people = await follow(t, world.env());
  const json = await follow(t, world.env(), '--json');
  const some = await follow(t, world.env(), '--json', '--events', 'account.updated, number.name.updated');
  const tier = await world.happen();
  await world.review('REJECTED');
  await world.happen();
  await Promise.all([printed(people, 3), printed(json, 3), printed(some, 1)]);
  assert.match(people.lines()[0], /^2\d{3}-\S+Z  number\.limit\.updated  \{"id":1,.*\}$/);
  assert.ok(people.lines()[0].includes(`"current":"${tier}"`));
  const events = json.lines().map((line) => JSON.parse(line));
  const ids = storeSql(world.data, 'SELECT event_id FROM events ORDER BY id').split('\n');
  assert.deepEqual(events.map((e) => e.id), ids);
  assert.deepEqual(Object.keys(events[0]), ['id', 'event', 'timestamp', 'data']);
  assert.equal(events[0].data.current, tier);
  assert.deepEqual(some.lines().map((line) => JSON.parse(line)), [events[1]]);
  assert.deepEqual(await people.end('SIGINT'), { status: 0, signal: null });
  assert.deepEqual(await json.end('SIGTERM'), { status: 0, signal: null });
  assert.equal(people.err, 'hudhud: connected; Ctrl-C ends it\n');

  const after = await follow(t, world.env(), '--json', '--after', ids[0]);
  await printed(after, 2);
  const all = await follow(t, world.env(), '--json', '--after', OLDEST, '--events', 'all');
  await printed(all, 3);
  assert.deepEqual(after.lines().map((line) => JSON.parse(line).id), ids.slice(1));
  assert.deepEqual(all.lines().map((line) => JSON.parse(line)), events);
});

test('event follow goes on behind its last event, whatever breaks', { timeout: 120000 }, async (t) => {
  const world = await startEvents(t);
  const relay = await startRelay(t, () => world.server.port);
  const env = environment(relay.url, world.creds);
  const command = await follow(t, env, '--json');
  const tiers = [await world.happen()];
  await printed(command, 1);
  const [{ id }] = command.lines().map((line) => JSON.parse(line));
  relay.cut();
  await eventually(() => command.err.includes(`connecting again, behind ${id}\n`));
  tiers.push(await world.happen(), await world.happen()); // while it waits
  await printed(command, 3);
  await eventually(() => command.err.endsWith('hudhud: connected again\n'));
  for (const kill of [false, true]) {
    if (kill) await world.server.kill9();
    else await world.server.stop();
    await sleep(200);
    await world.restart();
    tiers.push(await world.happen());
    await printed(command, tiers.length);
  }
  assert.match(command.err, /the server ended the stream; connecting again, behind evt_/);
  assert.deepEqual(command.lines().map((line) => JSON.parse(line).data.current), tiers);
  // A long absence is told once, and why it lasts once.
  await eventually(() => command.err.endsWith('hudhud: connected again\n'));
  const told = () => command.err.match(/connecting again/g).length;
  const [before, connections] = [told(), relay.connections];
  relay.refuse = true;
  relay.cut();
  await eventually(() => relay.connections >= connections + 3, { timeout: 15000 });
  assert.equal(told(), before + 2, command.err);
  assert.deepEqual(await command.end('SIGINT'), { status: 0, signal: null }); // while it waits, too
});

test('event follow obeys the pauses, signs anew, and reads what is cut anywhere', async (t) => {
  const stream = 'retry: 200\nid: 7\n\n: \n\nid: 8\r\nevent: a.b\r\ndata: {"x":\r\ndata: "هدهد\\u001b"}\r\n\r\n' +
    'data: no JSON \u001b[31m\n\n';
  const fake = await startFake(t, async (request, response, n) => {
    if (n === 2) {
      response.writeHead(503, { 'Retry-After': '1' });
      response.end('{}');
      return;
    }
    response.writeHead(200, { 'Content-Type': 'Text/Event-Stream;charset=utf-8' });
    for (const byte of Buffer.from(stream)) {
      response.write(Buffer.from([byte]));
      await new Promise((done) => setImmediate(done));
    }
    response.end();
  });
  const env = environment(`${fake.url}/api/developer`, { domain: 'acme', clientId: 'c', secret: 's' });
  const json = await follow(t, env, '--json');
  await printed(json, 4);
  await json.end('SIGTERM');
  assert.deepEqual(json.lines().slice(0, 2).map((line) => JSON.parse(line)), [
    { id: '8', event: 'a.b', data: { x: 'هدهد\u001b' } },
    { id: '8', event: 'message', data: 'no JSON \u001b[31m' },
  ]);
  const [one, two, three] = fake.requests;
  assert.ok(two.at - one.at >= 190 && two.at - one.at < 1000, `${two.at - one.at} ms`);
  assert.ok(three.at - two.at >= 990, `${three.at - two.at} ms`);
  assert.deepEqual([one, two, three].map((r) => r.headers['last-event-id']), [undefined, '8', '8']);
  assert.equal(one.headers.accept, 'text/event-stream');
  assert.equal(one.url, '/api/developer/events');
  assert.match(json.err, /the server answered 503 .*; connecting again, behind 8\n/);
  assert.notEqual(one.headers['x-awal-signature-256'], three.headers['x-awal-signature-256']);

  const people = await follow(t, env);
  await printed(people, 2);
  await people.end('SIGTERM');
  assert.ok(!people.out.includes('\u001b'));
  assert.match(people.lines()[0], /^-  a\.b  \{"x":"هدهد\\u001[bB]"\}$/);
});

test('event follow ends with what is wrong, and what to do', async (t) => {
  const world = await startEvents(t);
  const fails = async (env, args, message, status = 1) => {
    const result = await run(['event', 'follow', ...args], { env, timeout: 20000 });
    assert.deepEqual([result.status, result.stdout], [status, ''], result.stderr);
    assert.match(result.stderr, message);
  };
  await world.happen();
  await fails({ ...world.env(), HUDHUD_SECRET: 'wrong' }, [],
    /^hudhud: cannot follow the events as they happen: the server answered 401 authentication_failed: .*; check HUDHUD_DOMAIN/);
  const client = await runJson(['client', 'create', '--domain', 'acme', '--name', 'limited',
    '--resources', 'waba-numbers', '--data', world.data]);
  await fails(environment(world.url, { domain: 'acme', clientId: client.client_id, secret: client.hmac_secret }), [],
    /answered 403 permission_denied: .*hudhud client permit/);
  await fails(world.env(), ['--after', `evt_${'z'.repeat(24)}`],
    /answered 409 conflict: .*Leave --after out .*--after evt_0{24} .*read your numbers anew/);
  await fails(world.env(), ['--after', 'evt_1'], /answered 400 .*\n +last_event_id: /);
  await fails(world.env(), ['--after', 'a b'], /--after takes an id/, 2);
  await fails(world.env(), ['--after', 'a\r\nb'], /--after takes an id/, 2);
  await fails(world.env(), ['--events', 'acount.updated'], /did you mean account\.updated\?/, 2);
  await fails({ ...world.env(), HUDHUD_SECRET: '' }, [], /not set: HUDHUD_SECRET/, 2);
  await fails({ ...world.env(), HUDHUD_URL: 'ftp://x' }, [], /HUDHUD_URL begins with http/, 2);
  // While it follows, too.
  const relay = await startRelay(t, () => world.server.port);
  const command = await follow(t, environment(relay.url, world.creds), '--after', OLDEST);
  await printed(command, 1);
  await world.cli(['client', 'disable', '--domain', 'acme', world.creds.clientId]);
  assert.deepEqual(await command.ended, { status: 1, signal: null });
  assert.match(command.err, /answered 401/);
  const page = await startFake(t, (request, response) => response.end('<html>'));
  await fails(environment(page.url, world.creds), [], /answered 200 : no event stream/);
  const garbage = await startFake(t, (request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    response.end(Buffer.from([0xff, 0x0a]));
  });
  await fails(environment(garbage.url, world.creds), [], /what came is no stream of Hudhud's events/);
  await world.server.stop();
  await fails(world.env(), [], /start the server with "hudhud serve"/);
});
