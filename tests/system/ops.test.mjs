// What an operator sees: health, readiness and metrics, on an address of their own.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { test } from 'node:test';
import parsePrometheus from 'parse-prometheus-text-format';
import { LOCAL, startReceiver } from './lib/endpoint.mjs';
import { initFolder, run, sign, startServe } from './lib/hudhud.mjs';
import { addApp, change, metaPost } from './lib/meta.mjs';
import { fillDisk, freeDisk } from './lib/store.mjs';
import { eventually, scenarioOf, sleep, startWorld } from './lib/world.mjs';

const OPS = ['--ops-listen', '127.0.0.1:0'];

const opsUrl = (server) => {
  const port = server.log().match(/event=ops_listening port=(\d+)/)?.[1];
  assert.ok(port, server.log());
  return `http://127.0.0.1:${port}`;
};

async function get(server, path, options) {
  const answer = await fetch(opsUrl(server) + path, options);
  return { status: answer.status, text: await answer.text(), headers: answer.headers };
}

// The metrics, read by an independent parser -> value(name, labels), families. That parser takes the
// histograms of a family for one: of those, count(name, labels) reads the lines itself.
async function scrape(server) {
  const { status, text, headers } = await get(server, '/metrics');
  assert.equal(status, 200);
  assert.equal(headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  const families = parsePrometheus(text);
  const value = (name, labels = {}) => {
    const family = families.find((f) => f.name === name);
    assert.ok(family, `there is no ${name}`);
    const sample = family.metrics.find((m) =>
      Object.entries(labels).every(([label, want]) => m.labels?.[label] === want));
    return Number(sample?.value ?? 0);
  };
  const count = (name, labels = {}) => {
    const lines = text.split('\n').filter((line) => line.startsWith(`${name}_count`) &&
      Object.entries(labels).every(([label, want]) => line.includes(`${label}="${want}"`)));
    assert.equal(lines.length, 1, `${name} ${JSON.stringify(labels)}`);
    return Number(lines[0].split(' ').at(-1));
  };
  return { text, families, value, count };
}

test('the process is healthy and ready, and other paths are not there', async (t) => {
  const server = await startServe({ data: await initFolder(), args: OPS });
  t.after(() => server.stop());
  assert.deepEqual({ ...await get(server, '/healthz'), headers: 0 }, { status: 200, text: 'ok\n', headers: 0 });
  const ready = await get(server, '/readyz');
  assert.equal(ready.text, 'store: ok\ndirectory: ok\ndrain: ok\n');
  assert.equal(ready.status, 200);
  assert.equal(ready.headers.get('cache-control'), 'no-store');
  assert.equal((await get(server, '/readyz', { method: 'HEAD' })).text, '');
  const posted = await get(server, '/metrics', { method: 'POST', body: 'x' });
  assert.equal(posted.status, 405);
  assert.equal(posted.headers.get('allow'), 'GET, HEAD');
  assert.equal((await get(server, '/api/developer/waba-numbers')).status, 404);
  assert.equal((await get(server, '/admin/status')).status, 404);
  for (const path of ['/healthz', '/readyz', '/metrics']) // never where the world can see them
    assert.equal((await fetch(server.url + path)).status, 404);
});

test('without an address there is no such listener; an address in use is refused', async (t) => {
  const server = await startServe({ data: await initFolder(), args: OPS });
  t.after(() => server.stop());
  const port = new URL(opsUrl(server)).port;
  const second = await run(['serve', '--data', await initFolder(), '--listen', '127.0.0.1:0',
    '--ops-listen', `127.0.0.1:${port}`], { timeout: 10000 });
  assert.equal(second.status, 1);
  assert.match(second.stderr, new RegExp(`127.0.0.1:${port} is in use.*--ops-listen`));
  const plain = await startServe({ data: await initFolder() });
  t.after(() => plain.stop());
  assert.doesNotMatch(plain.log(), /ops_listening/);
});

test('a store that cannot write is not ready, and is again once it can', async (t) => {
  const world = await startWorld(t, { args: OPS });
  fillDisk(world);
  await sleep(1100); // the last commit proves it for a second
  const full = await get(world.server, '/readyz');
  assert.equal(full.status, 503);
  assert.match(full.text, /^store: the last commit failed; the log says why\ndirectory: ok\n/);
  assert.equal((await get(world.server, '/healthz')).status, 200);
  const metrics = await scrape(world.server);
  assert.equal(metrics.value('hudhud_store_failing'), 1);
  assert.ok(metrics.value('hudhud_store_commit_failures_total') > 0);
  freeDisk(world);
  const mended = await get(world.server, '/readyz');
  assert.equal(mended.status, 200, mended.text);
  assert.equal((await scrape(world.server)).value('hudhud_store_failing'), 0);
});

test('many who ask for readiness share one commit', async (t) => {
  const server = await startServe({ data: await initFolder(), args: OPS });
  t.after(() => server.stop());
  await get(server, '/readyz');
  await sleep(1100);
  const before = (await scrape(server)).value('hudhud_store_commits_total');
  const answers = await Promise.all(Array.from({ length: 100 }, () => get(server, '/readyz')));
  assert.ok(answers.every(({ status }) => status === 200));
  const commits = (await scrape(server)).value('hudhud_store_commits_total') - before;
  assert.ok(commits >= 1 && commits <= 2, `${commits} commits`);
});

test('while it drains it is not ready, and says so until the end', async (t) => {
  const { server, creds } = await startWorld(t, { args: [...OPS, '--drain-timeout', '20s'] });
  const body = '{}';
  const socket = net.connect(server.port, '127.0.0.1');
  await once(socket, 'connect');
  const head = Object.entries({ Host: 'x', 'Content-Length': body.length, ...sign('POST', '/waba-numbers', body, creds) });
  socket.write(`POST /api/developer/waba-numbers HTTP/1.1\r\n${head.map(([n, v]) => `${n}: ${v}\r\n`).join('')}\r\n{`);
  await sleep(200);
  const stopped = server.stop();
  await eventually(() => server.log().includes('event=draining'));
  const draining = await get(server, '/readyz');
  assert.equal(draining.status, 503);
  assert.match(draining.text, /drain: the server is stopping/);
  socket.end('}');
  assert.deepEqual(await stopped, { status: 0, signal: null });
});

// Names, types and labels as Prometheus wants them: https://prometheus.io/docs/practices/naming/
test('the metrics are well formed, and each is described in the documentation', async (t) => {
  const { readFileSync } = await import('node:fs');
  const world = await startWorld(t, { args: OPS });
  await world.call('GET', '/waba-numbers');
  await fetch(`${world.url}/some/path/of/somebody`);
  const { text, families } = await scrape(world.server);
  const page = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
  assert.ok(text.endsWith('\n'));
  const seen = new Set();
  for (const { name, type, help } of families) {
    assert.match(name, /^(hudhud|process)_[a-z_]+$/);
    assert.ok(help.length > 5, name);
    assert.ok(!seen.has(name), `${name} twice`);
    seen.add(name);
    assert.equal(type === 'COUNTER', name.endsWith('_total'), `${name} is a ${type}`);
    assert.ok(page.includes(`\`${name}\``), `docs/metrics.md says nothing of ${name}`);
  }
  for (const [, name] of page.matchAll(/^\| `((?:hudhud|process)_\w+)`/gm))
    assert.ok(seen.has(name), `docs/metrics.md tells of ${name}, which is not there`);
  for (const { name, metrics } of families.filter((f) => f.type === 'HISTOGRAM')) {
    assert.ok(metrics[0].buckets['+Inf'] !== undefined, name);
    const counts = text.split('\n').filter((l) => l.startsWith(`${name}_bucket`))
      .map((l) => ({ le: l.match(/le="([^"]+)"/)[1], n: Number(l.split(' ').at(-1)) }));
    counts.forEach(({ n }, i) => assert.ok(counts[i - 1]?.le === '+Inf' || n >= (counts[i - 1]?.n ?? 0), name));
  }
  const samples = text.split('\n').filter((l) => l && !l.startsWith('#'));
  const names = samples.map((l) => l.slice(0, l.lastIndexOf(' ')));
  assert.equal(new Set(names).size, names.length, 'no sample stands twice');
  assert.doesNotMatch(text, /somebody/, 'a path is no label');
});

test('docs/configuration.md has a row for every setting', async () => {
  const { readFileSync } = await import('node:fs');
  const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
  const help = (await run(['serve', '--help'])).stdout;
  const settings = help.slice(help.indexOf('settings ('), help.indexOf('\nexample:')).replace(/\n {20,}/g, ' ');
  for (const line of settings.split('\n').filter((l) => l.startsWith('  --'))) {
    const [, flag, text, fallback, live] = line.match(/^ {2}--(\S+) \S+ +(.*?)(?: \(default: ([^)]*)\))?( \[live\])?$/);
    const row = page.split('\n').find((l) => l.startsWith(`| \`--${flag} `))?.replaceAll('\\|', '|');
    assert.ok(row, `docs/configuration.md has no --${flag}`);
    assert.equal(row.includes(fallback ? `| \`${fallback}\` |` : '|  |'), true, row);
    assert.equal(row.includes('| yes |'), live !== undefined, row);
    assert.ok(row.replace(/, /g, '|').includes(text.replace(/, /g, '|')), row);
  }
});

test('what is called is counted', async (t) => {
  const world = await startWorld(t, { args: OPS });
  const before = await scrape(world.server);
  const list = { listener: 'api', method: 'GET', route: '/waba-numbers', status: '200' };
  for (let i = 0; i < 5; i++) assert.equal((await world.call('GET', '/waba-numbers')).status, 200);
  assert.equal((await world.call('GET', '/waba-numbers/999')).status, 404);
  const foreign = { ...world.creds, secret: 'not-the-secret' };
  assert.equal((await fetch(`${world.url}/api/developer/waba-numbers`,
    { headers: sign('GET', '/waba-numbers', '', foreign) })).status, 401);
  const numbers = (await world.call('GET', '/waba-numbers')).json.data;
  assert.equal((await world.call('POST', `/waba-numbers/${numbers[0].id}/sync`)).status, 200);
  const socket = net.connect(world.server.port, '127.0.0.1');
  socket.end('GET / HTTP/1.1\r\n\r\n'); // no Host
  socket.resume();
  await once(socket, 'close');

  const after = await scrape(world.server);
  const moved = (name, labels) => after.value(name, labels) - before.value(name, labels);
  const counted = (name, labels) => after.count(name, labels) - before.count(name, labels);
  assert.equal(moved('hudhud_requests_total', list), 6);
  assert.equal(moved('hudhud_requests_total', { ...list, route: '/waba-numbers/{id}', status: '404' }), 1);
  assert.equal(counted('hudhud_request_seconds', { method: 'GET', route: '/waba-numbers' }), 7);
  assert.equal(moved('hudhud_requests_total', { ...list, status: '401' }), 1);
  assert.equal(moved('hudhud_request_errors_total', { error: 'authentication_failed' }), 1);
  assert.equal(moved('hudhud_requests_refused_total', { error: 'bad_request' }), 1);
  assert.ok(moved('hudhud_graph_requests_total', { outcome: 'ok' }) > 0);
  assert.ok(counted('hudhud_graph_request_seconds') > 0);
  assert.equal(moved('hudhud_syncs_total', { outcome: 'ok' }), 1);
  assert.ok(after.value('hudhud_store_commits_total') > 0);
  assert.ok(after.count('hudhud_store_commit_seconds') > 0);
  assert.ok(after.value('hudhud_store_writes_total') >= after.value('hudhud_store_commits_total'));
  assert.equal(after.value('hudhud_requests_in_flight'), 0);
  assert.ok(after.value('process_open_fds') > 3);
  assert.ok(after.value('process_resident_memory_bytes') > 1e6);
  assert.ok(Math.abs(after.value('process_start_time_seconds') - Date.now() / 1000) < 300);
});

test('Meta\'s webhooks are counted once they are committed, and refused ones apart', async (t) => {
  const world = await startWorld(t, { sim: { scenario: scenarioOf([{ id: '111' }]) }, args: OPS });
  await addApp(world.data);
  const before = await scrape(world.server);
  const alert = change('900', 'account_alerts', { alert_info: { alert_type: 'T' } });
  for (let i = 0; i < 2; i++) assert.equal((await metaPost(world.url, alert)).status, 200);
  const two = change('900', 'flows', {});
  two.entry[0].changes.push({ field: 'account_alerts', value: { alert_info: { alert_type: 'U' } } });
  assert.equal((await metaPost(world.url, two)).status, 200);
  assert.equal((await metaPost(world.url, '[1')).status, 200); // kept, though nobody can read it
  assert.equal((await metaPost(world.url, alert, { secret: 'another' })).status, 401);
  fillDisk(world);
  assert.equal((await metaPost(world.url, change('900', 'flows', {}))).status, 503);
  freeDisk(world);

  const after = await scrape(world.server);
  const moved = (name, labels) => after.value(name, labels) - before.value(name, labels);
  assert.equal(moved('hudhud_inbound_total'), 4);
  assert.equal(moved('hudhud_inbound_known_total'), 1);
  assert.equal(moved('hudhud_inbound_changes_total'), 3);
  assert.equal(moved('hudhud_inbound_changed_total'), 2);
  assert.equal(moved('hudhud_inbound_unapplied_total'), 2);
  assert.equal(moved('hudhud_request_errors_total', { error: 'authentication_failed' }), 1);
  const meta = { listener: 'meta', method: 'POST', route: '/meta' };
  assert.equal(moved('hudhud_requests_total', { ...meta, status: '200' }), 4);
  assert.equal(moved('hudhud_requests_total', { ...meta, status: '401' }), 1);
});

test('deliveries are counted by how they ended, and timed', async (t) => {
  const world = await startWorld(t, { sim: { scenario: scenarioOf([{ id: '111' }]) },
    args: [...OPS, ...LOCAL, '--webhook-retries', '100ms'] });
  await addApp(world.data);
  const receiver = await startReceiver(t);
  assert.equal((await world.call('POST', '/webhooks', { url: receiver.url, events: ['account.updated'] })).status, 201);
  const happen = async (type) => {
    const answer = await metaPost(world.url, change('900', 'account_alerts', { alert_info: { alert_type: type } }));
    assert.equal(answer.status, 200, answer.text);
  };
  const counted = async () => {
    const now = await scrape(world.server);
    return ['done', 'retried', 'dead'].map((outcome) => now.value('hudhud_deliveries_total', { outcome }));
  };
  assert.deepEqual(await counted(), [0, 0, 0]);
  receiver.behave = () => ({ status: 200, delay: 2500 });
  await happen('SLOW');
  await eventually(async () => {
    const now = await scrape(world.server);
    return now.value('hudhud_deliveries_running') === 1 && now.value('hudhud_delivery_lanes') === 1;
  }, { what: 'one delivery under way' });
  await eventually(async () => (await counted()).join() === '1,0,0', { what: 'one delivery that is done' });
  receiver.behave = () => (receiver.deliveries.length < 3 ? 500 : 200);
  await happen('ONCE_REFUSED');
  await eventually(async () => (await counted()).join() === '2,1,0', { what: 'one that was tried again' });
  receiver.behave = () => 500;
  await happen('REFUSED');
  await eventually(async () => (await counted()).join() === '2,2,1', { what: 'one that is dead' });
  const last = await scrape(world.server);
  assert.equal(last.count('hudhud_delivery_seconds'), 2);
  const sum = Number(last.text.match(/^hudhud_delivery_seconds_sum (.*)$/m)[1]);
  assert.ok(sum > 2.5 && sum < 60, `${sum} s`);
});
