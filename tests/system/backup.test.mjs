// Backup, restore and a new key: of a server under signed load without a failed request, cut short by
// kill -9 at any instant, and refused for everything that is wrong, with nothing changed.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync, chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync,
  rmSync, statSync, truncateSync, writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import {
  call, createClient, initFolder, liftLimits, run, runJson, runOk, startServe, temporaryFolder,
} from './lib/hudhud.mjs';
import { assertSound } from './lib/store.mjs';
import { adminIfAlive } from './lib/wire.mjs';
import { eventually, sleep, startWorld } from './lib/world.mjs';

// Signed reads, and signed syncs that write, until stop() -> {calls, failures}.
function startLoad(world) {
  const state = { calls: 0, failures: [], running: true };
  const note = (what, answer) => {
    state.calls++;
    if (answer.status !== 200) state.failures.push(`${what}: ${answer.status} ${answer.text}`);
  };
  const read = async () => {
    while (state.running) {
      const answer = await world.call('GET', '/waba-numbers');
      note('read', answer);
      if (answer.json?.data?.length !== 5) state.failures.push(`a list of ${answer.text}`);
    }
  };
  const write = async (id) => {
    for (let i = 0; state.running; i++) {
      await world.sim.patchNumber(world.metaIds[id - 1], { quality_rating: ['RED', 'GREEN'][i % 2] });
      note('write', await world.call('POST', `/waba-numbers/${id}/sync`, undefined,
        { 'Idempotency-Key': `load-${id}-${i}-${Date.now()}` }));
    }
  };
  const guard = (worker) => worker.catch((error) => state.failures.push(String(error.cause ?? error)));
  const workers = [read(), read(), read(), write(1), write(2)].map(guard);
  return {
    state,
    stop: async () => {
      state.running = false;
      await Promise.all(workers);
      return state;
    },
  };
}

async function loadedWorld(t) {
  const world = await startWorld(t);
  await liftLimits(world.data, 'acme');
  const { accounts } = await world.sim.scenario();
  world.metaIds = accounts[0].numbers.map((n) => n.id);
  return world;
}

const doctorSays = async (data) => {
  const { stdout } = await run(['doctor', '--data', data, '--json']);
  return new Map(JSON.parse(stdout).map((line) => [line.check, line]));
};

test('backup, rotation and restore under load: no failed request', { timeout: 120000 }, async (t) => {
  const world = await loadedWorld(t);
  const { data } = world;
  const folder = temporaryFolder();
  const load = startLoad(world);
  await sleep(300);

  const made = await runJson(['backup', path.join(folder, 'one'), '--data', data]);
  assert.equal(made.tables.numbers, 5);
  assert.equal(made.tables.clients, 1);
  const late = await runJson(['client', 'create', '--domain', 'acme', '--name', 'late', '--data', data]);
  const rotated = await runJson(['key', 'rotate', '--data', data]);
  assert.equal(rotated.finished, true);
  assert.equal(rotated.previous_id, made.key_id);
  for (let i = 0; i < 3; i++) await runOk(['key', 'rotate', '--data', data]);
  const signs = (client) => call(world.url, 'GET', '/waba-numbers',
    { domain: 'acme', clientId: client.client_id, secret: client.hmac_secret });
  assert.equal((await signs(late)).status, 200);

  await runOk(['restore', path.join(folder, 'one'), '--data', data, '--replace']);
  assert.equal((await signs(late)).status, 401, 'the client is of after the backup');
  await sleep(300);
  const { calls, failures } = await load.stop();
  assert.deepEqual(failures, []);
  assert.ok(calls > 50, `${calls} calls`);
  t.diagnostic(`${calls} signed calls, none failed`);

  const keys = await runJson(['key', 'show', '--data', data]);
  assert.equal(keys.keys.length, 1);
  assert.equal(keys.unreadable, 0);
  assert.notEqual(keys.keys[0].id, made.key_id);
  const doctor = await doctorSays(data);
  for (const check of ['key', 'database', 'server', 'token'])
    assert.equal(doctor.get(check).verdict, 'ok', JSON.stringify(doctor.get(check)));

  // What was there before went with its key, and comes back.
  const [before] = readdirSync(data).filter((name) => name.startsWith('before-restore-'));
  await runOk(['restore', path.join(data, before), '--data', data, '--replace']);
  assert.equal((await signs(late)).status, 200);
  await world.restart();
  assert.equal((await signs(late)).status, 200);
  assert.equal((await world.call('POST', '/waba-numbers/1/sync')).status, 200);
});

test('after a restore the accounts of the backup are kept true again', async (t) => {
  const world = await startWorld(t, { args: ['--sync-interval', '1s'] });
  const backup = path.join(temporaryFolder(), 'b');
  await world.cli(['backup', backup]);
  for (let id = 1; id <= 5; id++)
    assert.equal((await world.call('DELETE', `/waba-numbers/${id}`)).status, 200);
  assert.equal((await world.call('GET', '/waba-numbers')).status, 404);
  await world.cli(['restore', backup, '--replace']);
  const { accounts } = await world.sim.scenario();
  await world.sim.patchNumber(accounts[0].numbers[0].id, { quality_rating: 'RED' });
  await eventually(async () => {
    const list = (await world.call('GET', '/waba-numbers')).json.data;
    assert.equal(list.length, 5);
    return list[0].quality_rating === 'RED';
  }, { what: 'a sync of the restored account' });
});

test('a backup becomes a new folder with the same content', async (t) => {
  const world = await startWorld(t);
  const folder = temporaryFolder();
  const list = (await world.call('GET', '/waba-numbers')).json.data;
  await world.cli(['backup', path.join(folder, 'with')]);
  await world.cli(['backup', path.join(folder, 'without'), '--without-key']);
  assert.deepEqual(readdirSync(path.join(folder, 'without')).sort(), ['hudhud.db', 'manifest.json']);
  for (const name of readdirSync(path.join(folder, 'with')))
    assert.equal(statSync(path.join(folder, 'with', name)).mode & 0o777, 0o600);
  const text = readFileSync(path.join(folder, 'with', 'hudhud.db'), 'latin1');
  for (const secret of [world.sim.token, world.creds.secret]) assert.ok(!text.includes(secret));

  const check = async (args) => {
    const data = path.join(temporaryFolder(), 'data');
    await runOk(['restore', ...args, '--data', data]);
    const server = await startServe({ data, graphUrl: world.sim.url });
    const answer = await call(server.url, 'GET', '/waba-numbers', world.creds);
    assert.deepEqual(answer.json.data, list);
    assert.equal((await server.stop()).status, 0);
    const again = await run(['restore', ...args, '--data', data]);
    assert.equal(again.status, 1);
    assert.match(again.stderr, /--replace/);
  };
  await check([path.join(folder, 'with')]);
  const without = path.join(folder, 'without');
  await check([without, '--key-file', path.join(world.data, 'key')]);
  const refused = await run(['restore', without, '--data', path.join(folder, 'data')]);
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /--key-file/);
  assert.deepEqual(readdirSync(path.join(folder, 'data')), []);
});

// Every client that was acknowledged signs; whoever was made after the backup may be gone.
async function kill9During(t, line, { rounds, mayLose }) {
  const data = await initFolder();
  const first = await createClient(data, 'acme');
  await liftLimits(data, 'acme');
  const folder = temporaryFolder();
  let server = await startServe({ data });
  t.after(() => server.stop());
  for (let i = 0; i < 200; i++) {
    const made = await adminIfAlive(data, 'POST', '/workspaces/acme/clients', { name: `client ${i}` });
    assert.ok(made);
  }
  await runOk(['backup', path.join(folder, 'base'), '--data', data]);
  const clients = [];
  let done = 0;
  for (let round = 0; round < rounds; round++) {
    let running = true;
    const writing = (async () => {
      while (running) {
        const made = await adminIfAlive(data, 'POST', '/workspaces/acme/clients', { name: `r${round}` });
        if (made) clients.push({ domain: 'acme', clientId: made.client_id, secret: made.hmac_secret });
        else await sleep(1);
      }
    })();
    const command = run([...line(folder, round), '--data', data]);
    await sleep(4 + round * 4);
    await server.kill9();
    running = false;
    await writing;
    if ((await command).status === 0) done++;
    server = await startServe({ data });
    assert.equal((await call(server.url, 'GET', '/waba-numbers?include=health', first)).status, 404);
    let lost = 0;
    for (const client of clients.splice(0)) {
      const { status } = await call(server.url, 'GET', '/waba-numbers', client);
      if (status === 401) lost++;
      else assert.equal(status, 404, 'an acknowledged client signs: there is no number');
    }
    if (!mayLose) assert.equal(lost, 0);
    const keys = await runJson(['key', 'show', '--data', data]);
    assert.equal(keys.keys.length, 1, 'one key seals everything');
    assert.equal(keys.unreadable, 0);
    assert.equal(readFileSync(path.join(data, 'key'), 'utf8').length, 88, 'the rotation is ended');
    assert.ok(!existsSync(path.join(data, 'restore.db')));
  }
  await server.stop();
  await assertSound(data);
  t.diagnostic(`${done} of ${rounds} were done before the kill`);
  return { data, folder };
}

test('kill -9 during a rotation of the key', { timeout: 120000 }, (t) =>
  kill9During(t, () => ['key', 'rotate'], { rounds: 8 }));

test('kill -9 during a backup', { timeout: 120000 }, async (t) => {
  const { folder } = await kill9During(t, (to, round) => ['backup', path.join(to, `b${round}`)],
    { rounds: 8 });
  // A folder is a backup that restores, or is told to be none.
  for (const name of readdirSync(folder)) {
    const data = path.join(temporaryFolder(), 'data');
    const restored = await run(['restore', path.join(folder, name), '--data', data]);
    const finished = existsSync(path.join(folder, name, 'manifest.json'));
    assert.equal(restored.status, finished ? 0 : 1, restored.stderr);
    if (!finished) assert.match(restored.stderr, /is no backup/);
  }
});

test('kill -9 during a restore', { timeout: 120000 }, (t) =>
  kill9During(t, (from) => ['restore', path.join(from, 'base'), '--replace'],
    { rounds: 8, mayLose: true }));

test('a folder that cannot be opened is moved away, and the backup takes its place', async () => {
  const data = await initFolder();
  const backup = path.join(temporaryFolder(), 'backup');
  await runOk(['backup', backup, '--data', data]);
  rmSync(path.join(data, 'key'));
  const refused = await run(['restore', backup, '--data', data, '--replace']);
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /key(: put it back| is missing).*move .* away and restore into its place/);
  execFileSync('mv', [data, `${data}.damaged`]);
  await runOk(['restore', backup, '--data', data]);
  await runOk(['workspace', 'list', '--data', data]);
});

test('what is wrong with a backup is told, and nothing is changed', async (t) => {
  const world = await startWorld(t);
  const { data } = world;
  const good = path.join(temporaryFolder(), 'good');
  await world.cli(['backup', good]);
  const list = (await world.call('GET', '/waba-numbers')).text;

  const spoiled = (spoil) => {
    const copy = path.join(temporaryFolder(), 'spoiled');
    cpSync(good, copy, { recursive: true });
    spoil((name) => path.join(copy, name));
    return copy;
  };
  const cases = [
    ['one byte more', (at) => appendFileSync(at('hudhud.db'), 'x'), /SHA-256/],
    ['truncated', (at) => truncateSync(at('hudhud.db'), 8192), /SHA-256/],
    ['no manifest', (at) => rmSync(at('manifest.json')), /is no backup/],
    ['no JSON', (at) => writeFileSync(at('manifest.json'), '{"format":1'), /no JSON/],
    ['no key file', (at) => writeFileSync(at('key'), 'a letter\n'), /not a sealing key/],
    ['an open key', (at) => chmodSync(at('key'), 0o644), /chmod 600/],
  ];
  for (const [what, spoil, says] of cases) {
    const backup = spoiled(spoil);
    const fresh = path.join(temporaryFolder(), 'data');
    for (const args of [['--data', data, '--replace'], ['--data', fresh]]) {
      const answer = await run(['restore', backup, ...args]);
      assert.equal(answer.status, 1, what);
      assert.match(answer.stderr, says, what);
    }
    assert.deepEqual(readdirSync(fresh), [], what);
  }
  // Another folder's key, and a backup of another installation.
  const other = await initFolder();
  const wrong = spoiled((at) => {
    copyFileSync(path.join(other, 'key'), at('key'));
    chmodSync(at('key'), 0o600);
  });
  const fresh = path.join(temporaryFolder(), 'data');
  const mismatch = await run(['restore', wrong, '--data', fresh]);
  assert.equal(mismatch.status, 1);
  assert.match(mismatch.stderr, /does not open/);
  const foreign = path.join(temporaryFolder(), 'foreign');
  await runOk(['backup', foreign, '--data', other]);
  const refused = await run(['restore', foreign, '--data', data, '--replace']);
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /another installation.*stop the\s+server/s);
  // A database of a newer version.
  const newer = spoiled((at) => {
    execFileSync('sqlite3', [at('hudhud.db'), 'INSERT INTO schema_version VALUES (9999, 1)']);
    const sum = execFileSync('sha256sum', [at('hudhud.db')]).toString().slice(0, 64);
    const manifest = JSON.parse(readFileSync(at('manifest.json')));
    writeFileSync(at('manifest.json'),
      JSON.stringify({ ...manifest, sha256: sum, size: statSync(at('hudhud.db')).size }));
  });
  const tooNew = await run(['restore', newer, '--data', fresh]);
  assert.equal(tooNew.status, 1);
  assert.match(tooNew.stderr, /newer hudhud/);

  assert.equal((await world.call('GET', '/waba-numbers')).text, list);
  assert.deepEqual(readdirSync(data).filter((name) => name.startsWith('before')), []);
  // Stopped, a backup of another installation may replace everything.
  await world.server.stop();
  await runOk(['restore', foreign, '--data', data, '--replace']);
  assert.deepEqual(await runJson(['workspace', 'list', '--data', data]), []);
});

test('folders that cannot be written, and a full disk', async (t) => {
  const world = await startWorld(t);
  const { data } = world;
  const folder = temporaryFolder();
  const good = path.join(folder, 'good');
  await world.cli(['backup', good]);
  const refused = async (line, says) => {
    const answer = await run([...line, '--data', data]);
    assert.equal(answer.status, 1, line.join(' '));
    assert.match(answer.stderr, says);
  };
  await refused(['backup', good], /not empty; nothing was changed/);
  await refused(['backup', path.join(folder, 'a/b')], /folder above/);
  await refused(['backup', path.join(good, 'key')], /not empty|Not a directory/);

  // The file-size limit of the running server stands for the disk.
  const limit = (size) => execFileSync('prlimit', ['--pid', String(world.server.pid), `--fsize=${size}`]);
  limit('8192:unlimited');
  await refused(['backup', path.join(folder, 'full')], /cannot write|disk/);
  assert.ok(!existsSync(path.join(folder, 'full')));
  await refused(['restore', good, '--replace'], /cannot|disk/);
  limit('0:unlimited');
  await refused(['key', 'rotate'], /nothing was changed/);
  limit('unlimited:unlimited');
  assert.deepEqual(readdirSync(data).filter((name) => /before|restore|new|old/.test(name)), []);
  assert.equal((await world.call('GET', '/waba-numbers')).json.data.length, 5);
  assert.equal((await doctorSays(data)).get('key').verdict, 'ok');

  // A key that comes from elsewhere.
  const key = path.join(data, 'key');
  copyFileSync(key, path.join(folder, 'key'));
  rmSync(key);
  execFileSync('ln', ['-s', path.join(folder, 'key'), key]);
  await refused(['key', 'rotate'], /stop the server.*chmod 600/s);
  rmSync(key);
  copyFileSync(path.join(folder, 'key'), key);
  chmodSync(key, 0o600);
  await runOk(['key', 'rotate', '--data', data]);
  await world.restart();
  assert.equal((await world.call('POST', '/waba-numbers/1/sync')).status, 200);
});

test('one at a time, and empty folders are taken', async (t) => {
  const data = await initFolder();
  const server = await startServe({ data });
  t.after(() => server.stop());
  const folder = path.join(temporaryFolder(), 'b');
  mkdirSync(folder, { mode: 0o755 });
  const answers = await Promise.all([0, 1, 2, 3].map(() => adminIfAlive(data, 'POST', '/backup', { folder })));
  assert.equal(answers.filter((answer) => answer).length, 1, 'the others are refused');
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  assert.equal(await adminIfAlive(data, 'POST', '/backup', { folder: 'relative/path' }), null);
  assert.equal(await adminIfAlive(data, 'POST', '/restore', {}), null);
});
