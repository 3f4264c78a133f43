// TLS of our own: who gets in, who does not, and a certificate that is changed under load.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { copyFileSync } from 'node:fs';
import https from 'node:https';
import net from 'node:net';
import { test } from 'node:test';
import { initFolder, run, runProgram, sign } from './lib/hudhud.mjs';
import { getSecure, makeCertificate, shakeHands } from './lib/tls.mjs';
import { eventually, startWorld } from './lib/world.mjs';

const GET_NUMBERS = '/waba-numbers';

// A world whose server speaks TLS; the account is linked before, over plain HTTP.
async function startSecure(t, more = []) {
  const files = await makeCertificate();
  const world = await startWorld(t);
  const args = ['--auth-failure-limit', 'unlimited', ...files.args, ...more];
  await world.restart(args);
  return { files, creds: world.creds, data: world.data, world, get server() { return world.server; } };
}

const lines = (log, event) => log.split('\n').filter((l) => l.includes(`event=${event}`));

async function reload(server) {
  const count = () => lines(server.log(), 'reloaded').length + lines(server.log(), 'reload_refused').length;
  const before = count();
  server.child.kill('SIGHUP');
  await eventually(() => count() > before, { what: 'the reload' });
}

test('signed calls over TLS, by Node and by curl', async (t) => {
  const { files, creds, server } = await startSecure(t);
  const ca = files.pem();
  const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  for (let i = 0; i < 20; i++) {
    const answer = await getSecure(server.port, GET_NUMBERS, creds, { ca, agent });
    assert.equal(answer.status, 200, answer.text);
    assert.equal(JSON.parse(answer.text).data.length, 5);
  }
  const headers = Object.entries(sign('GET', GET_NUMBERS, undefined, creds))
    .flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
  for (const version of [['--tlsv1.3'], ['--tlsv1.2', '--tls-max', '1.2']]) {
    const curl = await runProgram('curl', ['-sS', '--cacert', files.certificate, ...version, ...headers,
      '-w', '%{http_code} %{http_version}', '-o', '/dev/null',
      `https://127.0.0.1:${server.port}/api/developer${GET_NUMBERS}`]);
    assert.equal(curl.stdout, '200 1.1', curl.stderr);
  }
});

test('the ready line says https', async (t) => {
  const { server } = await startSecure(t);
  assert.match(server.log(), /: ready on https:\/\/127\.0\.0\.1:/);
});

test('what is offered: TLS 1.2 and 1.3, HTTP/1.1 by ALPN, and nothing older', async (t) => {
  const { files, server } = await startSecure(t);
  const ca = files.pem();
  const { port } = server;
  assert.equal((await shakeHands(port, { ca })).protocol, 'TLSv1.3');
  assert.equal((await shakeHands(port, { ca, maxVersion: 'TLSv1.2' })).protocol, 'TLSv1.2');
  assert.equal((await shakeHands(port, { ca, ALPNProtocols: ['h2', 'http/1.1'] })).alpn, 'http/1.1');
  assert.equal((await shakeHands(port, { ca })).alpn, false);
  const old = { ca, minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' };
  for (const maxVersion of ['TLSv1', 'TLSv1.1']) {
    await assert.rejects(shakeHands(port, { ...old, maxVersion }), /alert protocol version/i);
  }
  await assert.rejects(shakeHands(port, { ca, ALPNProtocols: ['h2'] }), /no application protocol/i);
  await assert.rejects(shakeHands(port, { ca, maxVersion: 'TLSv1.2', ciphers: 'AES128-SHA' }),
    /handshake failure/i);
});

test('plain HTTP on the TLS port gets no byte, and harms nobody', async (t) => {
  const { files, creds, server } = await startSecure(t);
  const socket = net.connect(server.port, '127.0.0.1');
  let received = 0;
  socket.on('data', (d) => { received += d.length; }).on('error', () => {});
  socket.write('GET /api/developer/waba-numbers HTTP/1.1\r\nHost: x\r\n\r\n');
  await once(socket, 'close');
  assert.equal(received, 0);
  const answer = await getSecure(server.port, GET_NUMBERS, creds, { ca: files.pem() });
  assert.equal(answer.status, 200);
});

test('files that do not do are refused at the start, by name', async () => {
  const files = await makeCertificate();
  const other = await makeCertificate();
  const data = await initFolder();
  const cases = [
    [[files.certificate, '/nowhere.pem'], /\/nowhere\.pem: No such file/],
    [[files.key, files.key], /key\.pem holds no certificate in PEM form/],
    [[files.certificate, files.certificate], /certificate\.pem holds no private key in PEM form/],
    [[files.certificate, other.key], /does not belong to the first certificate/],
  ];
  for (const [[certificate, key], says] of cases) {
    const result = await run(['serve', '--data', data, '--listen', '127.0.0.1:0',
      '--tls-certificate-file', certificate, '--tls-key-file', key]);
    assert.notEqual(result.status, 0);
    assert.match(result.stderr, says);
  }
  const half = await run(['serve', '--data', data, '--listen', '127.0.0.1:0',
    '--tls-certificate-file', files.certificate]);
  assert.notEqual(half.status, 0);
  assert.match(half.stderr, /tls-key-file/);
});

test('a certificate is changed under load: no request fails', async (t) => {
  const { files, creds, server } = await startSecure(t, ['--threads', '2']);
  const renewed = await makeCertificate();
  const ca = [files.pem(), renewed.pem()]; // Node opens another connection when this changes
  const agents = Array.from({ length: 4 }, () => new https.Agent({ keepAlive: true, maxSockets: 1 }));
  t.after(() => agents.forEach((agent) => agent.destroy()));
  let running = true;
  let done = 0;
  const seen = { kept: new Set(), fresh: new Set() };
  const ask = async (kind, agent) => {
    const answer = await getSecure(server.port, GET_NUMBERS, creds, { ca, agent });
    assert.ok(answer.status === 200 || answer.status === 429, answer.text);
    seen[kind].add(answer.serial);
    done++;
  };
  const work = async (kind, agent) => { while (running) await ask(kind, agent); };
  const workers = [...agents.map((agent) => work('kept', agent)),
    ...Array.from({ length: 4 }, () => work('fresh', false))];

  await eventually(() => done > 100);
  files.become(renewed);
  await reload(server);
  const before = done;
  await eventually(() => done > before + 200 && seen.fresh.size === 2);
  running = false;
  await Promise.all(workers);
  assert.equal(seen.kept.size, 1); // who stayed has the old one,
  const { serial } = await getSecure(server.port, GET_NUMBERS, creds, { ca, agent: false });
  assert.ok(!seen.kept.has(serial)); // who comes the new one
});

test('a reload with files that do not fit keeps the old ones, and says why', async (t) => {
  const { files, creds, server } = await startSecure(t);
  const ca = files.pem();
  copyFileSync((await makeCertificate()).certificate, files.certificate);
  await reload(server);
  assert.match(lines(server.log(), 'reload_refused').at(-1) ?? server.log(),
    /does not belong to the first certificate/);
  const answer = await getSecure(server.port, GET_NUMBERS, creds, { ca });
  assert.equal(answer.status, 200);
});

test('the control socket stays plain: the command line works as before', async (t) => {
  const { data } = await startSecure(t);
  const listed = await run(['workspace', 'list', '--data', data]);
  assert.equal(listed.status, 0, listed.stderr);
  assert.match(listed.stdout, /acme/);
});
