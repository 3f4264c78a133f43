// TLS of our own: its two settings, and certificates that change while the server is used.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import path from 'node:path';
import { test } from 'node:test';
import { createClient, initFolder, run, sign, startServe, temporaryFolder } from './lib/hudhud.mjs';
import { eventually, sleep } from './lib/world.mjs';

// A certificate for localhost with this common name -> {certificate, key}, paths.
function makeCertificate(folder, name, days = 90) {
  const files = { certificate: path.join(folder, `${name}.pem`), key: path.join(folder, `${name}.key`) };
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes',
    '-days', String(days), '-subj', `/CN=${name}`, '-addext', 'subjectAltName=DNS:localhost',
    '-keyout', files.key, '-out', files.certificate], { stdio: 'pipe' });
  return files;
}

// One signed GET -> {status, name: whom the certificate is of}.
function ask(port, creds, options = {}) {
  return new Promise((resolve, reject) => {
    const request = https.get({
      host: '127.0.0.1', port, path: '/api/developer/waba-numbers', rejectUnauthorized: false,
      headers: sign('GET', '/waba-numbers', '', creds), ...options,
    }, (answer) => {
      const name = answer.socket.getPeerCertificate().subject?.CN;
      answer.resume();
      answer.on('end', () => resolve({ status: answer.statusCode, name }));
    });
    request.on('error', reject);
  });
}

async function startTls(t, options = {}) {
  const folder = temporaryFolder();
  const [one, two] = ['one', 'two'].map((name) => makeCertificate(folder, name));
  const files = { certificate: path.join(folder, 'server.pem'), key: path.join(folder, 'server.key') };
  const install = (from) => {
    for (const which of ['certificate', 'key']) {
      writeFileSync(`${files[which]}.new`, readFileSync(from[which]), { mode: 0o600 });
      renameSync(`${files[which]}.new`, files[which]);
    }
  };
  install(one);
  const data = await initFolder();
  const creds = await createClient(data, 'acme');
  const server = await startServe({ data, args: ['--tls-certificate-file', files.certificate,
    '--tls-key-file', files.key, '--ops-listen', '127.0.0.1:0', ...(options.args ?? [])] });
  t.after(() => server.stop());
  return { server, creds, one, two, files, install, data };
}

test('signed calls over TLS; plain ones get no answer of the API', async (t) => {
  const { server, creds, one } = await startTls(t);
  assert.match(server.log(), /ready on https:\/\//);
  const trusted = { ca: readFileSync(one.certificate), rejectUnauthorized: true, servername: 'localhost' };
  assert.deepEqual(await ask(server.port, creds, trusted), { status: 404, name: 'one' });
  await assert.rejects(async () => {
    const answer = await fetch(`http://127.0.0.1:${server.port}/`);
    assert.notEqual(answer.status, 404);
    throw new Error('refused');
  });
});

test('a new certificate is taken at SIGHUP, under load, without a failed request', async (t) => {
  const { server, creds, two, install } = await startTls(t, { args: ['--threads', '2'] });
  const agent = new https.Agent({ keepAlive: true, rejectUnauthorized: false });
  t.after(() => agent.destroy());
  const seen = new Set();
  let on = true;
  const load = Array.from({ length: 6 }, async (_, i) => {
    while (on) {
      const { status, name } = await ask(server.port, creds, { agent: i < 3 ? agent : new https.Agent() });
      assert.ok(status === 404 || status === 429);
      if (name) seen.add(name);
    }
  });
  await sleep(300);
  install(two);
  server.child.kill('SIGHUP');
  await eventually(() => seen.has('two'), { what: 'the new certificate' });
  on = false;
  await Promise.all(load);
  assert.equal(server.log().match(/event=certificate_reloaded/g).length, 1);
  server.child.kill('SIGHUP');
  await eventually(() => server.log().match(/event=reloaded/g).length === 2);
  assert.equal(server.log().match(/event=certificate_reloaded/g).length, 1); // it is the same
  const ports = server.log().match(/ops_listening port=(\d+)/);
  const text = await (await fetch(`http://127.0.0.1:${ports[1]}/metrics`)).text();
  const expires = Number(text.match(/^hudhud_tls_certificate_expires_seconds (\d+)$/m)[1]);
  assert.ok(Math.abs(expires - Date.now() / 1000 - 90 * 86400) < 2 * 86400);
});

test('hudhud call says what to do about a certificate that is not trusted', async (t) => {
  const { server, one } = await startTls(t);
  const call = (env) => run(['call', 'GET', '/waba-numbers'], { env: {
    HUDHUD_URL: `https://localhost:${server.port}`, HUDHUD_DOMAIN: 'a', HUDHUD_CLIENT_ID: 'b', HUDHUD_SECRET: 'c', ...env } });
  const { status, stderr } = await call({});
  assert.equal(status, 1);
  assert.match(stderr, /has to trust the certificate.*SSL_CERT_FILE/);
  assert.match((await call({ SSL_CERT_FILE: one.certificate })).stdout, /authentication_failed/);
});

test('a certificate that cannot be used is refused, and the old one stays', async (t) => {
  const { server, creds, two, files } = await startTls(t);
  writeFileSync(files.certificate, readFileSync(two.certificate)); // not of this key
  server.child.kill('SIGHUP');
  await eventually(() => server.log().includes('event=reload_refused'));
  assert.match(server.log(), /reload_refused why=.*server\.(pem|key)/);
  assert.equal((await ask(server.port, creds)).name, 'one');
  writeFileSync(files.key, readFileSync(two.key));
  server.child.kill('SIGHUP');
  await eventually(async () => (await ask(server.port, creds, { agent: new https.Agent() })).name === 'two');
});

test('TLS needs both of its settings, and says which one is set where', async () => {
  const { certificate, key } = makeCertificate(temporaryFolder(), 'half');
  const data = await initFolder();
  const start = (...args) => run(['serve', '--data', data, '--listen', '127.0.0.1:0', ...args], { timeout: 10000 });
  const half = await start('--tls-certificate-file', certificate);
  assert.equal(half.status, 1);
  assert.match(half.stderr, /tls-certificate-file is set \(--tls-certificate-file\), but not tls-key-file: TLS needs both/);
  assert.match((await start('--tls-key-file', key)).stderr, /but not tls-certificate-file/);
  const missing = await start('--tls-certificate-file', `${certificate}.none`, '--tls-key-file', key);
  assert.equal(missing.status, 1);
  assert.match(missing.stderr, /half\.pem\.none/);
});

test('the doctor tells of a certificate that ends soon, and of the limit of files', async (t) => {
  const folder = temporaryFolder();
  const data = await initFolder();
  const server = await startServe({ data });
  t.after(() => server.stop());
  const look = async (days) => {
    const { certificate, key } = makeCertificate(folder, `days${days}`, days);
    const env = { HUDHUD_TLS_CERTIFICATE_FILE: certificate, HUDHUD_TLS_KEY_FILE: key, HUDHUD_GRAPH_URL: 'http://127.0.0.1:9' };
    const { stdout } = await run(['doctor', '--data', data, '--json'], { env });
    return Object.fromEntries(JSON.parse(stdout).map((finding) => [finding.check, finding]));
  };
  const soon = await look(5);
  assert.equal(soon.tls.verdict, 'warn');
  assert.match(soon.tls.message, /the certificate ends in [45] days/);
  assert.match(soon.files.message, /\d+.* 16384/);
  assert.match(soon.database.message, /opens, schema \d+;/);
  assert.equal((await look(60)).tls.verdict, 'ok');
  const broken = await run(['doctor', '--data', data, '--json'], { env: { HUDHUD_TLS_KEY_FILE: '/nowhere' } });
  assert.match(broken.stdout, /TLS needs both/);
});
