// `hudhud health`: its exit status is all that a container's health check sees.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { test } from 'node:test';
import { run } from './lib/hudhud.mjs';

const health = (listen) => run(['health'], { env: listen ? { HUDHUD_OPS_LISTEN: listen } : {} });

// A server that answers every GET with this -> its port.
async function answering(t, status, text) {
  const paths = [];
  const server = http.createServer((request, response) => {
    paths.push(`${request.method} ${request.url}`);
    response.writeHead(status).end(text);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return { port: server.address().port, paths };
}

test('a server that is ready', async (t) => {
  const { port, paths } = await answering(t, 200, 'ready\n');
  for (const listen of [`127.0.0.1:${port}`, `:${port}`, `0.0.0.0:${port}`]) {
    const { status, stdout, stderr } = await health(listen);
    assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: 'ready\n', stderr: '' }, listen);
  }
  assert.deepEqual(new Set(paths), new Set(['GET /readyz']));
});

test('a server that is not ready says why', async (t) => {
  const { port } = await answering(t, 503, 'the store cannot be written\n');
  const { status, stdout } = await health(`127.0.0.1:${port}`);
  assert.equal(status, 1);
  assert.equal(stdout, 'the store cannot be written\n');
});

test('no server, or none that tells', async () => {
  const gone = await health('127.0.0.1:1');
  assert.equal(gone.status, 1);
  assert.match(gone.stderr, /127\.0\.0\.1 port 1/);
  const silent = await health();
  assert.equal(silent.status, 1);
  assert.match(silent.stderr, /ops-listen is not set/);
});
