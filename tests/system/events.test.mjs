// GET /events: what happens, told as it happens, to who listens with Server-Sent Events.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { call, createClient, joinFolder, runJson, startServe, storeKind, storeSql,
  temporaryFolder } from './lib/hudhud.mjs';
import { createParser, listen, openStream } from './lib/events.mjs';
import { fronts, startFront } from './lib/fronts.mjs';
import { addApp, change, metaPost } from './lib/meta.mjs';
import { eventually, scenarioOf, sleep, startWorld } from './lib/world.mjs';

const WABA = '900';
const PHONES = Array.from({ length: 4 }, (_, i) => `96650000${1000 + i}`);
const SIM = scenarioOf(PHONES.map((_, i) => ({ id: `11${i}` })), { waba: WABA });
const NONE = `evt_${'0'.repeat(24)}`;
const sanitized = process.env.HUDHUD_SANITIZED;

async function startEvents(t, { args = [], ...options } = {}) {
  const world = await startWorld(t, { sim: { scenario: SIM }, args: ['--sync-interval', '24h', ...args], ...options });
  await addApp(world.data);
  await world.sim.stop(); // what it says would undo what the tests tell
  let time = Math.floor(Date.now() / 1000) - 100000;
  let n = 0;
  // A number's limit changes: one event -> its `current`. The same once more while no answer comes.
  world.happen = async (phone = PHONES[0]) => {
    const tier = `TIER_${n++}`;
    const body = change(WABA, 'phone_number_quality_update',
      { display_phone_number: phone, event: 'UPGRADE', current_limit: tier }, time++);
    await eventually(async () => {
      const answer = await metaPost(world.url, body).catch(() => null);
      return answer?.status === 200;
    }, { timeout: 30000, pause: 20, what: 'an answer to Meta' });
    return tier;
  };
  world.review = (decision) => metaPost(world.url, change(WABA, 'account_review_update', { decision }));
  world.open = async (options, creds = world.creds) => {
    const stream = await openStream(world.url, creds, options);
    t.after(() => stream.close());
    return stream;
  };
  return world;
}

const arrived = (stream, n) =>
  eventually(() => stream.events.length >= n, { pause: 2, what: `${n} events` });
const currents = (stream) => stream.events.map(({ data }) => JSON.parse(data).data.current);
const recorded = (world) => storeSql(world.data,
  "SELECT event_id FROM events WHERE name <> 'webhook.test' ORDER BY id").split('\n').filter(Boolean);

test('the parser of these tests reads as the standard says', () => {
  const text = 'retry: 3000\r\nid: 1\r\n\r\n: nothing\ndata:a\ndata:  b\nevent: e\n\n' +
    'id\nevent: never\n\ndata\n\n';
  for (let cut = 0; cut < text.length; cut++) {
    const parser = createParser();
    parser.feed(text.slice(0, cut));
    parser.feed(text.slice(cut));
    assert.deepEqual(parser.events, [{ id: '1', event: 'e', data: 'a\n b' }, { id: '', event: 'message', data: '' }]);
    assert.deepEqual([parser.retry, parser.comments, parser.lastEventId], [3000, 1, '']);
  }
});

test('a stream: its head, its greeting, and each event within moments', async (t) => {
  const world = await startEvents(t);
  const stream = await world.open({ headers: { 'Accept-Encoding': 'gzip' } });
  assert.equal(stream.status, 200);
  assert.equal(stream.headers['content-type'], 'text/event-stream');
  assert.equal(stream.headers['cache-control'], 'no-store');
  assert.equal(stream.headers['transfer-encoding'], 'chunked');
  assert.equal(stream.headers['content-encoding'], undefined);
  assert.equal(stream.headers['etag'], undefined);
  assert.match(stream.headers['x-request-id'], /^req_/);
  await eventually(() => stream.lastEventId);
  assert.deepEqual([stream.retry, stream.lastEventId, stream.events], [3000, NONE, []]);
  const delays = [];
  for (let i = 0; i < 20; i++) {
    const tier = await world.happen();
    const from = performance.now();
    await arrived(stream, i + 1);
    delays.push(performance.now() - from);
    assert.equal(currents(stream)[i], tier);
  }
  delays.sort((a, b) => a - b);
  t.diagnostic(`after Meta's answer: median ${delays[10].toFixed(1)} ms, most ${delays[19].toFixed(1)} ms`);
  const [{ id, event, data }] = stream.events;
  assert.equal(event, 'number.limit.updated');
  assert.match(id, /^evt_[a-z0-9]{24}$/);
  assert.deepEqual(Object.keys(JSON.parse(data)), ['event', 'timestamp', 'data']);
  assert.deepEqual(stream.events.map((e) => e.id), recorded(world));
  assert.equal(storeSql(world.data, `SELECT body FROM events WHERE event_id = '${id}'`), data);
});

test('it goes on behind the event that it is told', async (t) => {
  const world = await startEvents(t);
  for (let i = 0; i < 5; i++) await world.happen();
  const ids = recorded(world);
  const ways = [
    [{ lastEventId: ids[1] }, 2], [{ query: `?last_event_id=${ids[1]}` }, 2],
    [{ lastEventId: ids[3], query: `?last_event_id=${ids[0]}` }, 4], // the header wins
    [{ lastEventId: NONE }, 0], [{ lastEventId: ids[4] }, 5], [{}, 5],
  ];
  for (const [options, from] of ways) {
    const stream = await world.open(options);
    await arrived(stream, 5 - from);
    await sleep(50);
    assert.deepEqual(stream.events.map((e) => e.id), ids.slice(from), JSON.stringify(options));
    assert.equal(stream.lastEventId, ids[4]);
    await stream.close();
  }
  for (const id of ['evt_1', ids[0].toUpperCase(), `${ids[0]}x`, '1', 'evt_%00']) {
    const stream = await world.open({ query: `?last_event_id=${id}` });
    assert.equal(stream.status, 400, id);
    assert.match(stream.json.details.last_event_id, /leave it out|percent/);
  }
  const unknown = await world.open({ lastEventId: `evt_${'z'.repeat(24)}` });
  assert.deepEqual([unknown.status, unknown.json.error], [409, 'conflict']);
  assert.match(unknown.json.message, /begin without Last-Event-ID/);
  // One that was swept is known no more.
  await world.server.stop();
  storeSql(world.data, `DELETE FROM events WHERE event_id = '${ids[0]}'`);
  await world.restart();
  assert.equal((await world.open({ lastEventId: ids[0] })).status, 409);
});

test('a filter, and what it leaves out', async (t) => {
  const world = await startEvents(t);
  const some = await world.open({ query: '?events=account.updated,number.name.updated' });
  const all = await world.open({ query: '?events=*' });
  await world.happen();
  await world.review('REJECTED');
  await world.happen();
  await arrived(all, 3);
  await arrived(some, 1);
  assert.deepEqual(some.events.map((e) => e.event), ['account.updated']);
  assert.deepEqual(some.events[0], all.events[1]);
  for (const query of ['?events=nothing.happened', '?events=account.updated,,', '?events=webhook.test',
    '?events=account.updated%20']) {
    const refused = await world.open({ query });
    assert.deepEqual([refused.status, refused.json.error], [400, 'validation_failed'], query);
    assert.match(refused.json.details.events, /no event/);
  }
});

test('of its own workspace alone, and only for who may see all of it', async (t) => {
  const world = await startEvents(t);
  const other = await createClient(world.data, 'other');
  const stranger = await world.open({}, other);
  await eventually(() => stranger.lastEventId);
  const mine = await world.open();
  await world.happen();
  await arrived(mine, 1);
  await sleep(200);
  assert.deepEqual(stranger.events, []);
  assert.equal((await world.open({ lastEventId: mine.events[0].id }, other)).status, 409);
  const all = await world.open({ lastEventId: NONE }, other);
  await sleep(100);
  assert.deepEqual(all.events, []);
  for (const limits of [['--numbers', '1'], ['--resources', 'waba-numbers']]) {
    const client = await runJson(['client', 'create', '--domain', 'acme', '--name', 'limited', ...limits,
      '--data', world.data]);
    const refused = await world.open({}, { domain: 'acme', clientId: client.client_id, secret: client.hmac_secret });
    assert.deepEqual([refused.status, refused.json.error], [403, 'permission_denied']);
  }
  const reader = await runJson(['client', 'create', '--domain', 'acme', '--name', 'reader', '--read-only',
    '--resources', 'events', '--data', world.data]);
  const allowed = await world.open({}, { domain: 'acme', clientId: reader.client_id, secret: reader.hmac_secret });
  assert.equal(allowed.status, 200);
  const forged = await world.open({ headers: { 'X-Awal-Signature-256': `sha256=${'0'.repeat(64)}` } });
  assert.equal(forged.status, 401);
});

test('over restarts and kill -9, while changes pour in: none missed, none twice', { timeout: 240000 }, async (t) => {
  const world = await startEvents(t, { args: ['--threads', '3'] });
  const listeners = Array.from({ length: 6 }, () => listen(() => world.url, world.creds));
  const filtered = listen(() => world.url, world.creds, { query: '?events=account.updated' });
  t.after(() => Promise.all([...listeners, filtered].map((l) => l.stop())));
  await eventually(() => [...listeners, filtered].every((l) => l.connects > 0));
  await sleep(100); // and each has its greeting
  let running = true;
  const pouring = PHONES.map(async (phone, i) => {
    for (let n = 0; running; n++) {
      await world.happen(phone);
      if (i === 0 && n % 10 === 0) await world.review(`DECISION_${n}`).catch(() => {});
    }
  });
  for (let round = 0; round < 4; round++) {
    await sleep(sanitized ? 3000 : 1000);
    if (round % 2) await world.server.kill9();
    await world.restart();
  }
  await sleep(1000);
  running = false;
  await Promise.all(pouring);
  const ids = recorded(world);
  assert.ok(ids.length > 200, `${ids.length} events`);
  await Promise.all(listeners.map((l) =>
    eventually(() => l.events.length >= ids.length, { timeout: 20000, what: 'all events' })));
  await sleep(200);
  for (const l of [...listeners, filtered]) assert.deepEqual(l.refused, []);
  for (const l of listeners) {
    assert.deepEqual(l.events.map((e) => e.id), ids);
    assert.ok(l.connects >= 5, `${l.connects} connections`);
  }
  assert.deepEqual(filtered.events, listeners[0].events.filter((e) => e.event === 'account.updated'));
  t.diagnostic(`${ids.length} events, each to 6 listeners, over 2 restarts and 2 kill -9`);
});

test('a slow reader costs a page, and is given all in the end', { timeout: 120000 }, async (t) => {
  const world = await startEvents(t);
  const rss = () => Number(readFileSync(`/proc/${world.server.pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/)[1]);
  const N = 20000, READERS = 4;
  await world.server.stop();
  const padded = storeKind === 'postgres' ? "lpad(i::text, 24, '0')" : "printf('%024d', i)";
  storeSql(world.data, 'INSERT INTO events (workspace_id, event_id, name, body, created_at, wanted) ' +
    `WITH RECURSIVE series (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM series WHERE i < ${N}) ` +
    `SELECT 1, 'evt_' || ${padded}, 'account.updated', ` +
    `'{"n":' || i || ',"pad":"${'x'.repeat(2000)}"}', ${Date.now()}, 1 FROM series`);
  await world.restart();
  await world.happen();
  const before = rss();
  const readers = [];
  for (let i = 0; i < READERS; i++) {
    readers.push(await world.open({ lastEventId: NONE }));
    readers[i].pause();
  }
  const quick = await world.open({ lastEventId: NONE });
  await eventually(() => quick.events.length === N + 1, { timeout: 60000, what: 'the quick one has all' });
  const grown = rss() - before;
  t.diagnostic(`${READERS} readers that do not read 40 MB: ${grown} KiB more`);
  if (!sanitized) assert.ok(grown < 24 * 1024, `${grown} KiB`);
  for (const r of readers) {
    assert.ok(r.events.length < N);
    r.resume();
  }
  for (const r of readers) {
    await eventually(() => r.events.length === N + 1, { timeout: 60000, what: 'the slow one has all' });
    assert.deepEqual(r.events, quick.events);
  }
});

test('who may no longer read is cut', async (t) => {
  const world = await startEvents(t, { args: ['--log-requests', 'all'] });
  const make = async (...more) => {
    const client = await runJson(['client', 'create', '--domain', 'acme', '--name', 'x', ...more, '--data', world.data]);
    return { domain: 'acme', clientId: client.client_id, secret: client.hmac_secret };
  };
  const [one, two] = [await make(), await make()];
  const [cut, permitted, stays] =
    [await world.open({}, one), await world.open({}, two), await world.open()];
  await world.cli(['client', 'disable', '--domain', 'acme', one.clientId]);
  assert.equal(await Promise.race([cut.closed, sleep(5000)]), 'end');
  assert.equal((await world.open({}, one)).status, 401);
  await world.cli(['client', 'permit', '--domain', 'acme', '--resources', 'waba-numbers', two.clientId]);
  assert.equal(await Promise.race([permitted.closed, sleep(5000)]), 'end');
  assert.equal((await world.open({}, two)).status, 403);
  await world.happen();
  await arrived(stays, 1);
  const left = await world.open();
  await left.close();
  const ends = () => world.server.log().split('\n').filter((line) => line.includes('stream_ended'));
  await eventually(() => ends().length === 3, { what: 'the log has their ends' });
  assert.match(ends()[2], /why="the client left" events=0 us=\d+/);
  await world.cli(['workspace', 'disable', '--domain', 'acme']);
  assert.equal(await Promise.race([stays.closed, sleep(5000)]), 'end');
  assert.match(ends()[3], /client=\S+ why="the client may not read it any more" events=1/);
});

test('a secret that was rotated reads on as long as it is valid, and no longer', async (t) => {
  const world = await startEvents(t);
  const rotate = async (overlap) => ({ ...world.creds,
    secret: (await runJson(['client', 'rotate', '--domain', 'acme', '--overlap', overlap, world.creds.clientId,
      '--data', world.data])).hmac_secret });
  const first = await world.open();
  const second = await world.open({}, await rotate('3s'));
  assert.equal(await Promise.race([first.closed, sleep(1000)]), undefined); // the old one is valid still
  assert.equal(await Promise.race([first.closed, sleep(6000)]), 'end');
  assert.equal((await world.open()).status, 401);
  await world.happen();
  await arrived(second, 1);
  await rotate('0s');
  assert.equal(await Promise.race([second.closed, sleep(5000)]), 'end');
  assert.equal((await world.open()).status, 401);
});

test('what is swept under a stream does not end it, and the newest event stays', { timeout: 60000 }, async (t) => {
  const world = await startEvents(t);
  for (let i = 0; i < 5; i++) await world.happen();
  const ids = recorded(world);
  const age = async (condition) => { // the server is to find them old enough
    await world.server.stop();
    storeSql(world.data, `UPDATE events SET created_at = created_at - 8 * 86400000 WHERE ${condition}`);
    await world.restart();
  };
  // A job is for the first one, or was a moment ago; the last one is new.
  storeSql(world.data, `UPDATE events SET wanted = 1 WHERE event_id = '${ids[0]}'`);
  await age(`event_id <> '${ids[4]}'`);
  let stream = await world.open({ lastEventId: ids[4] });
  await eventually(() => recorded(world).length === 2, { timeout: 20000, what: 'the sweep' });
  assert.deepEqual(recorded(world), [ids[0], ids[4]]);
  assert.equal((await world.open({ lastEventId: ids[0] })).status, 409); // what came behind it is gone
  // Of a workspace in which nothing happens any more, one event is left: nothing was missed.
  storeSql(world.data, 'UPDATE events SET wanted = 0');
  await age('true');
  stream = await world.open({ lastEventId: ids[4] });
  await eventually(() => recorded(world).length === 1, { timeout: 20000, what: 'the sweep' });
  await sleep(7000); // another sweep, and a look at what is new
  assert.deepEqual(recorded(world), [ids[4]]);
  await world.happen();
  await arrived(stream, 1);
  const again = await world.open({ lastEventId: ids[4] });
  await arrived(again, 1);
  assert.deepEqual(again.events, stream.events);
});

test('a client has only so many, which are counted over all loops', async (t) => {
  const world = await startEvents(t, { args: ['--threads', '4'] });
  const streams = [];
  for (let i = 0; i < 10; i++) streams.push(await world.open());
  assert.ok(streams.every((s) => s.status === 200));
  const refused = await world.open();
  assert.deepEqual([refused.status, refused.json.error], [429, 'rate_limit_exceeded']);
  assert.match(refused.json.message, /10 streams/);
  assert.ok(Number(refused.headers['retry-after']) > 0);
  await streams[3].close();
  await eventually(async () => (await world.open()).status === 200);
  assert.equal((await world.call('GET', '/waba-numbers')).status, 200);
});

test('a backup that is restored ends the streams: what they told of did not happen', async (t) => {
  const world = await startEvents(t);
  const backup = path.join(temporaryFolder(), 'backup');
  await world.happen();
  await world.cli(['backup', backup]);
  const stream = await world.open();
  const [kept] = recorded(world);
  for (let i = 0; i < 3; i++) await world.happen();
  await arrived(stream, 3);
  await world.cli(['restore', backup, '--replace']);
  assert.equal(await Promise.race([stream.closed, sleep(8000)]), 'end');
  assert.equal((await world.open({ lastEventId: stream.lastEventId })).status, 409);
  const again = await world.open({ lastEventId: kept });
  await world.happen();
  await arrived(again, 1);
  assert.deepEqual(again.events.map((e) => e.id), recorded(world).slice(1));
});

test('a stop ends streams properly, and does not wait for them', async (t) => {
  const world = await startEvents(t);
  const streams = [await world.open(), await world.open()];
  await eventually(() => streams.every((s) => s.lastEventId));
  const from = Date.now();
  const { status } = await world.server.stop();
  const took = Date.now() - from;
  assert.equal(status, 0);
  for (const s of streams) assert.equal(await s.closed, 'end');
  if (!sanitized) assert.ok(took < 2000, `${took} ms`);
});

test('the example of the documentation listens, and goes on after a restart', async (t) => {
  const page = readFileSync(path.resolve(import.meta.dirname, '../../docs/webhooks.md'), 'utf8');
  const [, code] = page.slice(page.indexOf('### A stream instead')).match(/```js\n([^]*?)```/);
  const file = path.join(temporaryFolder(), 'listen.mjs');
  // The address is another after a restart: it is read from a file.
  const address = path.join(path.dirname(file), 'url');
  writeFileSync(file, `import { readFileSync } from 'node:fs';\n${code
    .replaceAll('${base}/events', `\${readFileSync('${address}')}/api/developer/events`)
    .replace('sleep(3000)', 'sleep(100)')}`);
  const world = await startEvents(t);
  const publish = () => writeFileSync(address, world.url);
  publish();
  const child = spawn(process.execPath, [file], { env: { ...process.env, HUDHUD_SECRET: world.creds.secret,
    HUDHUD_CLIENT_ID: world.creds.clientId, HUDHUD_DOMAIN: world.creds.domain, LAST_EVENT_ID: NONE } });
  t.after(() => child.kill('SIGKILL'));
  let out = '';
  child.stdout.on('data', (d) => { out += d; });
  const told = () => out.match(/evt_[a-z0-9]{24}/g) ?? [];
  for (let i = 0; i < 5; i++) await world.happen();
  await eventually(() => told().length === 5);
  await world.restart();
  await world.happen();
  publish();
  await world.happen();
  await eventually(() => told().length === 7);
  assert.deepEqual(told(), recorded(world));
});

for (const front of fronts) {
  test(`${front.name}: an event passes at once`, async (t) => {
    const world = await startEvents(t);
    const port = await startFront(t, front, world.server.port);
    if (!port) return;
    const stream = await openStream(`http://127.0.0.1:${port}`, world.creds);
    t.after(() => stream.close());
    await eventually(() => stream.lastEventId);
    const tier = await world.happen();
    await eventually(() => stream.events.length, { timeout: 1000, pause: 2, what: 'the event' });
    assert.deepEqual(currents(stream), [tier]);
  });
}

test('a heartbeat, with the id of what was left out', { timeout: 60000 }, async (t) => {
  const world = await startEvents(t);
  const quiet = await world.open();
  const filtered = await world.open({ query: '?events=account.updated' });
  await world.happen();
  await arrived(quiet, 1);
  assert.equal(filtered.lastEventId, NONE);
  await eventually(() => quiet.comments && filtered.comments, { timeout: 25000, what: 'a heartbeat' });
  assert.equal(filtered.lastEventId, quiet.events[0].id);
  assert.equal(filtered.events.length, 0);
});

test('what another replica commits comes too', { skip: storeKind !== 'postgres' }, async (t) => {
  const world = await startEvents(t);
  const second = await startServe({ data: await joinFolder(world.data), args: ['--sync-interval', '24h'] });
  t.after(() => second.stop());
  const there = await openStream(second.url, world.creds);
  t.after(() => there.close());
  await eventually(() => there.lastEventId);
  for (let i = 0; i < 30; i++) await world.happen(PHONES[i % 4]);
  await arrived(there, 30);
  assert.deepEqual(there.events.map((e) => e.id), recorded(world));
  assert.equal((await call(second.url, 'GET', '/waba-numbers', world.creds)).status, 200);
});
