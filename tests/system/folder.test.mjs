// The data folder: one process at a time, the right key, a disk that is full or read-only, a database
// of another time. Each with an error that says how to mend it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import {
  binary, call, createClient, initFolder, newStore, run, runOk, runProgram, startServe, storeKind, storeSql,
  temporaryFolder,
} from './lib/hudhud.mjs';
import { fillDisk, freeDisk, storeText } from './lib/store.mjs';
import { startWorld } from './lib/world.mjs';

const serve = (data) => run(['serve', '--data', data, '--listen', '127.0.0.1:0']);
// postgres_folder.test.mjs has what stands for these there.
const aboutFile = { skip: storeKind !== 'sqlite' && 'it is about the file of a SQLite database' };

test('init makes a private folder and overwrites nothing', async () => {
  const data = await initFolder();
  const mode = (name) => statSync(path.join(data, name)).mode & 0o777;
  assert.equal(mode('.'), 0o700);
  assert.equal(mode('key'), 0o600);
  assert.equal(mode(storeKind === 'sqlite' ? 'hudhud.db' : 'store'), 0o600);
  const key = readFileSync(path.join(data, 'key'), 'utf8');
  const again = await run(['init', '--data', data]);
  assert.equal(again.status, 1);
  assert.match(again.stderr, /not empty/);
  assert.equal(readFileSync(path.join(data, 'key'), 'utf8'), key);
});

test('a second server on the same folder is refused, and named', async (t) => {
  const data = await initFolder();
  const first = await startServe({ data });
  t.after(() => first.stop());
  const second = await serve(data);
  assert.equal(second.status, 1);
  assert.match(second.stderr, new RegExp(`process ${first.pid}`));
  await first.kill9();
  const third = await startServe({ data });
  assert.equal((await third.stop()).status, 0);
});

test('a folder that is not there', async () => {
  const answer = await serve(path.join(temporaryFolder(), 'nothing'));
  assert.equal(answer.status, 1);
  assert.match(answer.stderr, /hudhud init --data/);
});

test('what serve advises about a folder without a database can be done', aboutFile, async () => {
  const data = path.join(temporaryFolder(), 'data');
  mkdirSync(data);
  const empty = await serve(data);
  assert.equal(empty.status, 1);
  assert.match(empty.stderr, /hudhud init --data/);
  assert.deepEqual(readdirSync(data), [], 'nothing was left in the folder');
  await runOk(['init', '--data', data]);
  const key = readFileSync(path.join(data, 'key'), 'utf8');
  for (const name of readdirSync(data)) if (name.startsWith('hudhud.db')) rmSync(path.join(data, name));
  assert.match((await serve(data)).stderr, /hudhud\.db.*backup.*hudhud init --data/s);
  await runOk(['init', '--data', data]);
  assert.equal(readFileSync(path.join(data, 'key'), 'utf8'), key, 'a key is never replaced');
  const server = await startServe({ data });
  assert.equal((await server.stop()).status, 0);

  const other = temporaryFolder();
  writeFileSync(path.join(other, 'letter'), 'dear reader');
  assert.match((await serve(other)).stderr, /not a data folder/);
  assert.deepEqual(readdirSync(other), ['letter']);
});

test('a data folder that was copied without its lock', async () => {
  const data = await initFolder();
  rmSync(path.join(data, 'lock'));
  const server = await startServe({ data });
  assert.equal((await server.stop()).status, 0);
});

test('init on a full disk leaves nothing, and works once there is room', async (t) => {
  const data = path.join(temporaryFolder(), 'data');
  const store = await newStore();
  const init = (blocks) =>
    runProgram('sh', ['-c', `ulimit -f ${blocks}; exec "$0" init --data "$@"`, binary, data, ...store]);
  // The limit of a file's size stands for the disk: none of the lock, then of the key, then of the
  // database, or too little of it, can be written.
  const limits = storeKind === 'sqlite' ? [0, 1, 8, 64, 128] : [0];
  if (process.env.HUDHUD_SANITIZED === 'thread') {
    // ThreadSanitizer writes a file of its own before main, and dies of a limit of nothing.
    t.diagnostic(`not tried with ${limits.shift()} blocks`);
  }
  for (const blocks of limits) {
    const full = await init(blocks);
    if (full.status === 0) break;
    assert.equal(full.status, 1, full.stderr);
    assert.deepEqual(readdirSync(data), [], `with ${blocks} blocks: ${full.stderr}`);
  }
  rmSync(data, { recursive: true });
  assert.equal((await init(limits[0])).status, 1);
  await runOk(['init', '--data', data, ...store]);
  const server = await startServe({ data });
  assert.equal((await server.stop()).status, 0);
});

test('a key that is missing, malformed, open to others, or another database\'s', async () => {
  const data = await initFolder();
  const key = path.join(data, 'key');
  const kept = readFileSync(key);
  rmSync(key);
  assert.match((await serve(data)).stderr, /key.*backup/s);
  writeFileSync(key, 'not a key\n', { mode: 0o600 });
  assert.match((await serve(data)).stderr, /key/);
  writeFileSync(key, kept);
  chmodSync(key, 0o644);
  assert.match((await serve(data)).stderr, /chmod 600/);
  copyFileSync(path.join(await initFolder(), 'key'), key);
  chmodSync(key, 0o600);
  const other = await serve(data);
  assert.equal(other.status, 1);
  assert.match(other.stderr, /not the key this database was made with/);
  writeFileSync(key, kept);
  const server = await startServe({ data });
  assert.equal((await server.stop()).status, 0);
});

test('a database of a newer version', async () => {
  const data = await initFolder();
  storeSql(data, 'INSERT INTO schema_version (version, applied_at) VALUES (9999, 0)');
  const newer = await serve(data);
  assert.equal(newer.status, 1);
  assert.match(newer.stderr, /newer/);
});

test('no database, and one that is none', aboutFile, async () => {
  const data = await initFolder();
  writeFileSync(path.join(data, 'hudhud.db'), 'this is a letter, not a database\n'.repeat(300));
  const none = await serve(data);
  assert.equal(none.status, 1);
  assert.match(none.stderr, /not a database|no database/);
  rmSync(path.join(data, 'hudhud.db'));
  const gone = await serve(data);
  assert.equal(gone.status, 1);
  assert.match(gone.stderr, /hudhud\.db/);
});

test('a full disk: writes are refused with 503, reads go on, and it mends itself', async (t) => {
  const world = await startWorld(t);
  fillDisk(world);
  const refused = await world.call('DELETE', '/waba-numbers/1');
  assert.equal(refused.status, 503, refused.text);
  assert.equal(refused.json.error, 'service_unavailable');
  assert.match(refused.headers.get('retry-after'), /^\d+$/);
  const list = await world.call('GET', '/waba-numbers');
  assert.equal(list.json.data.length, 5, 'nothing of it happened');
  freeDisk(world);
  assert.equal((await world.call('DELETE', '/waba-numbers/1')).status, 200);
  assert.equal((await world.call('GET', '/waba-numbers')).json.data.length, 4);
  await world.restart();
  assert.equal((await world.call('GET', '/waba-numbers')).json.data.length, 4);
});

test('a folder that cannot be written', async (t) => {
  const data = await initFolder();
  const program = path.join(path.dirname(data), 'hudhud'); // where another user may run it
  copyFileSync(process.env.HUDHUD, program);
  chmodSync(program, 0o755);
  const line = [program, 'serve', '--data', data, '--listen', '127.0.0.1:0'];
  if (process.getuid() === 0) {
    // The superuser writes everywhere: another user owns the folder and starts the server.
    execFileSync('chown', ['-R', 'nobody', data]);
    chmodSync(path.dirname(data), 0o711);
    line.unshift('setpriv', '--reuid=nobody', '--clear-groups');
  }
  if (process.getuid() === 0) {
    execFileSync('chown', ['root', data]);
    chmodSync(data, 0o700);
    const foreign = await runProgram(line[0], line.slice(1));
    assert.equal(foreign.status, 1);
    assert.match(foreign.stderr, /belongs to another user; run this as that user/);
    execFileSync('chown', ['nobody', data]);
  }
  chmodSync(data, 0o500);
  t.after(() => chmodSync(data, 0o700));
  rmSync(path.join(data, 'lock'));
  const answer = await runProgram(line[0], line.slice(1));
  assert.equal(answer.status, 1);
  assert.match(answer.stderr, /cannot open .*lock.*Permission denied/);
});

test('tokens and secrets are in no file, log or list as they are', async (t) => {
  const world = await startWorld(t, { args: ['--log-level', 'debug'] });
  await world.call('POST', '/waba-numbers/1/sync');
  await world.link('123', 'EAAanothersecrettoken');
  const shown = (await world.cli(['number', 'list', '--domain', 'acme', '--json'])).stdout +
    (await world.cli(['client', 'list', '--domain', 'acme', '--json'])).stdout +
    (await world.call('GET', '/waba-numbers?include=health')).text;
  await world.server.stop();
  const files = ['lock', 'key'].map((name) =>
    readFileSync(path.join(world.data, name), 'latin1')).join('') + storeText(world.data);
  for (const secret of [world.sim.token, 'EAAanothersecrettoken', world.creds.secret]) {
    for (const [where, text] of [['log', world.server.log()], ['answers', shown], ['files', files]])
      assert.ok(!text.includes(secret), `a secret in ${where}`);
  }
});

test('SIGTERM lets what was begun be answered', async (t) => {
  const world = await startWorld(t);
  await world.sim.putFaults([{ kind: 'latency', ms: 700, match: { path_contains: 'phone_numbers' } }]);
  const begun = world.call('POST', '/waba-numbers/1/sync');
  await new Promise((resolve) => setTimeout(resolve, 250));
  const stopped = world.server.stop();
  assert.equal((await begun).status, 200);
  assert.equal((await stopped).status, 0);
  const creds = await createClient(world.data, 'later');
  assert.ok(creds.secret, 'commands work while no server runs');
  await assert.rejects(call(world.url, 'GET', '/waba-numbers', creds));
});

test('names are what a person can read, and what is not found is told as it was typed', async () => {
  const data = await initFolder();
  const cli = (...line) => run([...line, '--data', data]);
  for (const name of ['   ', 'two\nlines', 'tab\there', 'esc\x1b[31m', 'c1\u0085'])
    assert.equal((await cli('workspace', 'create', name, '--domain', 'a')).status, 1,
      JSON.stringify(name));
  assert.equal((await cli('workspace', 'create', 'متجر هُدهُد (فرع ١)', '--domain', 'a')).status, 0);
  const none = await cli('client', 'list', '--domain', 'شركة');
  assert.equal(none.status, 1);
  assert.match(none.stderr, /شركة/);
});

test('a server waits for a command that has the folder for an instant', async (t) => {
  const data = await initFolder();
  const commands = Array.from({ length: 8 }, (_, i) =>
    run(['workspace', 'create', `W ${i}`, '--domain', `w${i}`, '--data', data]));
  const server = await startServe({ data });
  t.after(() => server.stop());
  for (const { status, stderr } of await Promise.all(commands)) assert.equal(status, 0, stderr);
});

test('a server leaves no core dump', async (t) => {
  const server = await startServe({ data: await initFolder() });
  t.after(() => server.stop());
  const limits = readFileSync(`/proc/${server.pid}/limits`, 'utf8');
  assert.match(limits, /^Max core file size +0 +0 /m);
});
