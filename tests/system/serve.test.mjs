// The life of a server: its address, and its end while requests are under way.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { test } from 'node:test';
import { call, initFolder, run, sign, startServe } from './lib/hudhud.mjs';
import { eventually, sleep, startWorld } from './lib/world.mjs';

// The bytes of a signed request that links an account.
function linkRequest(creds, wabaId) {
  const body = JSON.stringify({ waba_id: wabaId, access_token: 'EAAtesttoken' });
  const headers = {
    Host: 'x', 'Content-Type': 'application/json', 'Content-Length': body.length,
    ...sign('POST', '/waba-numbers', body, creds),
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST /api/developer/waba-numbers HTTP/1.1\r\n${lines.join('')}\r\n${body}`;
}

// Sends all of a request but its last byte -> the socket, and the byte that is left.
function begin(port, request) {
  const socket = net.connect(port, '127.0.0.1');
  socket.on('error', () => {}); // it is to be cut
  socket.write(request.slice(0, -1));
  return { socket, finish: () => socket.write(request.slice(-1)) };
}

test('requests that become whole just when the server stops harm nothing', async (t) => {
  const { server, creds } = await startWorld(t, { args: ['--drain-timeout', '1s', '--threads', '2'] });
  const begun = Array.from({ length: 600 }, (_, i) =>
    begin(server.port, linkRequest(creds, String(100 + i))));
  t.after(() => begun.forEach(({ socket }) => socket.destroy()));
  await sleep(1500);
  const stopped = server.stop();
  await sleep(950); // the requests come in one by one while the time runs out
  for (let i = 0; i < begun.length; i++) {
    begun[i].finish();
    if (i % 6 === 5) await sleep(1);
  }
  assert.deepEqual(await stopped, { status: 0, signal: null }, server.log());
});

test('a port that another server listens on is refused, and free after its end', async (t) => {
  const first = await startServe({ data: await initFolder() });
  t.after(() => first.stop());
  const data = await initFolder();
  const address = `127.0.0.1:${first.port}`;
  for (const listen of [address, `:${first.port}`]) {
    const second = await run(['serve', '--data', data, '--listen', listen], { timeout: 10000 });
    assert.equal(second.status, 1, second.stderr);
    assert.match(second.stderr, new RegExp(`${listen} is in use by another process.*--listen`));
  }
  // Connections that the server closed itself stay with the kernel in TIME_WAIT.
  const creds = { domain: 'nobody', clientId: 'x', secret: 'x' };
  const answer = await call(first.url, 'GET', '/waba-numbers', creds, { headers: { Connection: 'close' } });
  assert.equal(answer.status, 401);
  await first.stop();
  const next = await startServe({ data, listen: address });
  assert.equal(next.port, first.port);
  assert.equal((await next.stop()).status, 0);
});

test('a drain of no time at all cuts nothing of an idle server, and does not say so', async () => {
  const server = await startServe({ data: await initFolder(), args: ['--drain-timeout', '0s'] });
  const idle = net.connect(server.port, '127.0.0.1');
  idle.on('error', () => {});
  await once(idle, 'connect');
  assert.equal((await server.stop()).status, 0);
  assert.doesNotMatch(server.log(), /level=warn/);
});

test('a drain that runs out of time says how many requests it cut', async (t) => {
  const { server, creds } = await startWorld(t, { args: ['--drain-timeout', '1s'] });
  const { socket } = begin(server.port, linkRequest(creds, '100'));
  await sleep(300);
  const stopped = server.stop();
  await once(socket, 'close');
  assert.equal((await stopped).status, 0);
  assert.match(server.log(), /level=warn event=drain_cut requests=1 /);
});

test('a second signal ends the drain', async (t) => {
  const { server, creds } = await startWorld(t, { args: ['--drain-timeout', '60s'] });
  for (const id of ['100', '101']) begin(server.port, linkRequest(creds, id));
  await sleep(300);
  const began = Date.now();
  const stopped = server.stop();
  await eventually(() => /event=draining signal=TERM/.test(server.log()));
  server.child.kill('SIGINT');
  assert.deepEqual(await stopped, { status: 0, signal: null });
  assert.ok(Date.now() - began < 20000, 'it did not wait');
  assert.match(server.log(), /event=drain_ended signal=INT/);
  assert.match(server.log(), /event=drain_cut requests=2 /);
});

test('the status names the port that the kernel chose', async (t) => {
  const data = await initFolder();
  const server = await startServe({ data });
  t.after(() => server.stop());
  const { stdout } = await run(['doctor', '--data', data, '--json']);
  assert.ok(stdout.includes(`127.0.0.1:${server.port}`), stdout);
});
