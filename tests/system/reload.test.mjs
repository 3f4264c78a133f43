// SIGHUP: the configuration once more, while the server runs and is used.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { call, createClient, initFolder, run, startServe, temporaryFolder } from './lib/hudhud.mjs';
import { eventually } from './lib/world.mjs';

const lines = (log, event) => log.split('\n').filter((l) => l.includes(`event=${event}`));

// The gate let it pass: there are no numbers, or the limit of calls is reached.
const passes = (status) => status === 404 || status === 429;

// A server with a configuration file -> {server, creds, reload(text), ask(age)}.
async function startConfigured(t, text, options = {}) {
  const file = path.join(temporaryFolder(), 'hudhud.conf');
  writeFileSync(file, text);
  const data = await initFolder();
  const creds = await createClient(data, 'acme');
  const server = await startServe({ data, ...options,
    args: ['--config', file, '--auth-failure-limit', 'unlimited', ...(options.args ?? [])] });
  t.after(() => server.stop());
  let done = 0;
  return {
    server,
    creds,
    file,
    // Writes the file, sends SIGHUP and waits until the server has said what it made of it.
    async reload(next) {
      writeFileSync(file, next);
      server.child.kill('SIGHUP');
      done++;
      await eventually(() => lines(server.log(), 'reloaded').length +
        lines(server.log(), 'reload_refused').length === done);
    },
    // A call signed `age` seconds ago -> its status.
    async ask(age) {
      const timestamp = Math.floor(Date.now() / 1000) - age;
      const answer = await call(server.url, 'GET', '/waba-numbers', { ...creds, timestamp });
      return answer.status;
    },
  };
}

test('a live setting is in force at once, on every loop', async (t) => {
  const { server, reload, ask } = await startConfigured(t, 'sign-window = 300s\n', { args: ['--threads', '4'] });
  assert.ok(passes(await ask(100)));
  await reload('sign-window = 10s\n');
  for (let i = 0; i < 40; i++) await eventually(async () => await ask(100 + i) === 403);
  await reload('');
  for (let i = 0; i < 40; i++) await eventually(async () => passes(await ask(100 + i)));
  assert.deepEqual(lines(server.log(), 'setting_changed').map((l) => l.replace(/.*event=/, '')), [
    'setting_changed name=sign-window from=300s to=10s effect=now',
    'setting_changed name=sign-window from=10s to=300s effect=now',
  ]);
});

test('a wrong file changes nothing, and every complaint has its line', async (t) => {
  const { server, reload, ask } = await startConfigured(t, 'sign-window = 300s\n');
  await reload('sign-window = 10s\nlisten = nowhere\nlogformat = json\ncors_origins = x\n');
  assert.ok(passes(await ask(100)));
  const refused = lines(server.log(), 'setting_refused');
  assert.equal(refused.length, 3, server.log());
  assert.match(refused[0], /where="line 2" why="listen: 'nowhere' is not an address/);
  assert.match(refused[1], /where="line 3" why=.*the nearest is 'log-format'/);
  assert.match(refused[2], /where="line 4" why="cors-origins: 'x' is not a list of origins/);
  assert.match(lines(server.log(), 'reload_refused')[0], /level=error .*3 wrong lines in .*hudhud.conf/);
  await reload('sign-window = 10s\n');
  await eventually(async () => await ask(101) === 403);
});

test('the command line and the environment stay above the file', async (t) => {
  const { server, file, ask } = await startConfigured(t, '', {
    args: ['--sign-window', '300s'], env: { HUDHUD_LOG_FORMAT: 'json' },
  });
  writeFileSync(file, 'sign-window = 10s\nlog-format = logfmt\n');
  server.child.kill('SIGHUP');
  await eventually(() => server.log().includes('"event":"reloaded"'));
  assert.equal(JSON.parse(server.log().trimEnd().split('\n').at(-1)).changes, 0);
  assert.ok(passes(await ask(100)));
});

test('what needs a restart says so, each time, and the rest is taken', async (t) => {
  const { server, reload } = await startConfigured(t, '');
  await reload('sync-interval = 5m\nlog-level = debug\n');
  await reload('sync-interval = 5m\nlog-level = debug\n');
  assert.deepEqual(lines(server.log(), 'setting_changed').map((l) => l.replace(/.*event=/, '')), [
    'setting_changed name=sync-interval from=15m to=5m effect="at the next restart"',
    'setting_changed name=log-level from=info to=debug effect=now',
    'setting_changed name=sync-interval from=15m to=5m effect="at the next restart"',
  ]);
});

test('the log changes its form between two lines', async (t) => {
  const { server, file } = await startConfigured(t, '');
  writeFileSync(file, 'log-format = json\n');
  server.child.kill('SIGHUP');
  await eventually(() => server.log().includes('"event":"reloaded"'));
  const last = JSON.parse(server.log().trimEnd().split('\n').at(-1));
  assert.deepEqual({ ...last, time: 0 }, { time: 0, level: 'info', event: 'reloaded', changes: 1 });
});

test('a storm of SIGHUPs under load refuses no request and kills nothing', async (t) => {
  const { server, ask, file } = await startConfigured(t, '', { args: ['--threads', '2'] });
  const end = Date.now() + 1500;
  const storm = (async () => {
    for (let i = 0; Date.now() < end; i++) {
      writeFileSync(file, i % 3 === 0 ? 'wrong' : `sign-window = ${250 + (i % 7)}s\n`);
      server.child.kill('SIGHUP');
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
  })();
  let asked = 0;
  await Promise.all(Array.from({ length: 8 }, async (_, n) => {
    for (let i = 0; Date.now() < end; i++, asked++) assert.ok(passes(await ask((8 * i + n) % 200)));
  }));
  await storm;
  assert.ok(asked > 100);
  assert.ok(lines(server.log(), 'reloaded').length > 3, server.log());
  assert.deepEqual(await server.stop(), { status: 0, signal: null });
});

test('a wrong value names its source before the server starts', async () => {
  const file = path.join(temporaryFolder(), 'hudhud.conf');
  writeFileSync(file, '\nlisten = here\n');
  const data = await initFolder();
  const start = (args, env) => run(['serve', '--data', data, ...args], { env, timeout: 10000 });
  const inFile = await start(['--config', file]);
  assert.equal(inFile.status, 1);
  assert.match(inFile.stderr, /1 wrong line in .*hudhud\.conf[^]*line 2: listen: 'here' is not an address/);
  const inVariable = await start([], { HUDHUD_LISTEN: 'here' });
  assert.match(inVariable.stderr, /HUDHUD_LISTEN: listen: 'here' is not an address/);
  const inFlag = await start(['--listen', 'here']);
  assert.equal(inFlag.status, 2);
  assert.match(inFlag.stderr, /--listen: 'here' is not an address to listen on/);
});
