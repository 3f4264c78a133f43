// How a database of PostgreSQL is made Hudhud's, joined and found again, and what of its address is
// shown. Runs with its store in PostgreSQL alone.
import assert from 'node:assert/strict';
import {
  chmodSync, copyFileSync, existsSync, readFileSync, readdirSync, statSync, writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import {
  call, createClient, createDatabase, folderWithKeyOf, initFolder, joinFolder, run, runJson, runOk,
  startServe, storeSql, storeUrl, temporaryFolder,
} from './lib/hudhud.mjs';
import { sql } from './lib/postgres.mjs';
import { eventually } from './lib/world.mjs';

const PASSWORD = 'geheim-4711';
const AWAY = 'postgres://hudhud@127.0.0.1:1/numbers'; // nobody listens there

const newFolder = () => path.join(temporaryFolder(), 'data');
const init = (data, url, options) => run(['init', '--data', data, '--store', url], options);
const withPassword = (url) => url.replace('@', `:${PASSWORD}@`);
const mode = (...parts) => statSync(path.join(...parts)).mode & 0o777;

async function failsToServe(data, options) {
  const answer = await run(['serve', '--data', data, '--listen', '127.0.0.1:0'], options);
  assert.equal(answer.status, 1, answer.stderr);
  return answer.stderr;
}

test('init makes a private folder that says where the database is', async (t) => {
  const data = newFolder();
  const url = await createDatabase();
  const made = await init(data, url);
  assert.equal(made.status, 0, made.stderr);
  assert.match(made.stdout, /^Made the data folder .* and the database postgres:/);
  assert.match(made.stdout, /Keep a copy of .*key/);
  assert.deepEqual(readdirSync(data).sort(), ['key', 'lock', 'store']);
  assert.equal(mode(data), 0o700);
  assert.equal(mode(data, 'store'), 0o600);
  assert.equal(readFileSync(path.join(data, 'store'), 'utf8'), `${url}\n`);

  const again = await init(data, url);
  assert.equal(again.status, 1);
  assert.match(again.stderr, /not empty/);
  const server = await startServe({ data });
  t.after(() => server.stop());
  assert.match(server.log(), /ready on .*data folder .*, store postgres:\/\/\w+@/);
  await runOk(['workspace', 'create', 'Acme', '--domain', 'acme', '--data', data]);
  assert.equal(storeSql(data, 'SELECT domain FROM workspaces'), 'acme');
  assert.ok(!existsSync(path.join(data, 'hudhud.db')));
});

test('a database that is Hudhud\'s already is joined, with its key alone', async (t) => {
  const first = await initFolder();
  const url = storeUrl(first);
  const second = newFolder();
  const without = await init(second, url);
  assert.equal(without.status, 1);
  assert.match(without.stderr, /already.*copy the file key .*chmod 600.*again/);
  assert.deepEqual(readdirSync(second), []);

  const other = folderWithKeyOf(await initFolder());
  const key = readFileSync(path.join(other, 'key'), 'utf8');
  const wrong = await init(other, url);
  assert.equal(wrong.status, 1);
  assert.match(wrong.stderr, /another key than its own/);
  assert.deepEqual(readdirSync(other), ['key']);
  assert.equal(readFileSync(path.join(other, 'key'), 'utf8'), key);

  copyFileSync(path.join(first, 'key'), path.join(second, 'key'));
  const joined = await init(second, url);
  assert.equal(joined.status, 0, joined.stderr);
  assert.match(joined.stdout, /of one more server on postgres:/);

  const servers = [await startServe({ data: first }), await startServe({ data: second })];
  t.after(() => Promise.all(servers.map((s) => s.stop())));
  const creds = await createClient(first, 'acme');
  await eventually(async () => (await call(servers[1].url, 'GET', '/waba-numbers', creds)).status !== 401,
    { what: 'the client on the other server' });
  await runOk(['client', 'disable', '--domain', 'acme', creds.clientId, '--data', second]);
  await eventually(async () => (await call(servers[0].url, 'GET', '/waba-numbers', creds)).status === 401,
    { what: 'the end of the client on the first server' });
});

test('an init that was cut short is completed by the next one', async () => {
  const data = await initFolder();
  const url = storeUrl(data);
  sql(url, "DELETE FROM settings WHERE name = 'key_check'");
  assert.match(await failsToServe(data), /init did not finish/);
  const next = newFolder();
  const made = await init(next, url);
  assert.equal(made.status, 0, made.stderr);
  assert.match(made.stdout, /and the database postgres:/);
  const server = await startServe({ data: next });
  assert.equal((await server.stop()).status, 0);
});

test('what cannot be made leaves nothing in the folder', async () => {
  const data = newFolder();
  const away = await init(data, AWAY);
  assert.equal(away.status, 1);
  assert.match(away.stderr, /cannot connect to postgres:\/\/hudhud@127\.0\.0\.1:1\/numbers: .*refused/);
  assert.deepEqual(readdirSync(data), []);

  const url = await createDatabase();
  const missing = await init(data, url.replace(/\/test_\w+/, '/no_such_database'));
  assert.match(missing.stderr, /"no_such_database" does not exist/);

  sql(url, 'CREATE TABLE clients (somebody text)');
  const foreign = await init(data, url);
  assert.equal(foreign.status, 1);
  assert.match(foreign.stderr, /clients.* already exists/);
  assert.deepEqual(readdirSync(data), []);
  assert.equal(sql(url, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), '1');
  sql(url, 'DROP TABLE clients');
  await runOk(['init', '--data', data, '--store', url]);

  const used = temporaryFolder();
  writeFileSync(path.join(used, 'letter'), 'dear reader');
  const refused = await init(used, await createDatabase());
  assert.match(refused.stderr, /not empty/);
  assert.deepEqual(readdirSync(used), ['letter']);
});

test('a server that cannot reach its database ends, and says which', async () => {
  const data = await initFolder();
  const text = await failsToServe(data, { env: { HUDHUD_STORE: withPassword(AWAY) } });
  assert.match(text, /cannot connect to postgres:\/\/hudhud@127\.0\.0\.1:1\/numbers/);
  assert.doesNotMatch(text, new RegExp(PASSWORD));
});

test('a password is never on a command line, and never shown', async (t) => {
  const data = newFolder();
  const url = withPassword(await createDatabase());
  const env = { HUDHUD_STORE: url };
  const seen = [];
  const look = async (args, options) => {
    const answer = await run(args, options);
    seen.push(answer.stdout, answer.stderr);
    return answer;
  };
  const typed = await look(['init', '--data', data, '--store', url]);
  assert.equal(typed.status, 2);
  assert.match(typed.stderr, /--store holds a password.*--store-password-file/);
  for (const [from, to] of [[url, data], [data, url]]) {
    const copied = await look(['store', 'copy', '--from', from, '--to', to]);
    assert.equal(copied.status, 2);
    assert.match(copied.stderr, /holds a password.*--store-password-file/);
  }
  const broken = await look(['init', '--data', data], { env: { HUDHUD_STORE: url.replace('@', '%zz@') } });
  assert.match(broken.stderr, /HUDHUD_STORE.*'\.\.\.' is not a URL/);

  assert.equal((await look(['init', '--data', data], { env })).status, 0);
  assert.equal(readFileSync(path.join(data, 'store'), 'utf8'), `${url}\n`);
  assert.match((await look(['serve', '--print-config'], { env })).stdout, /^store = postgres:\/\/\w+@/m);
  await look(['serve', '--print-config', '--json'], { env });
  const server = await startServe({ data });
  t.after(() => server.stop());
  await look(['doctor', '--data', data, '--json']);
  await look(['serve', '--data', data]);
  seen.push(server.log());
  for (const text of seen) assert.ok(!text.includes(PASSWORD), text);
});

test('a password in a file', async () => {
  const data = newFolder();
  const file = path.join(temporaryFolder(), 'password');
  const args = ['init', '--data', data, '--store', await createDatabase(), '--store-password-file', file];
  assert.match((await run(args)).stderr, /cannot open .*password/);
  writeFileSync(file, '\n', { mode: 0o600 });
  assert.match((await run(args)).stderr, /is empty: it should hold the password/);
  writeFileSync(file, `${PASSWORD}\n`, { mode: 0o644 });
  chmodSync(file, 0o644);
  const open = await run(args);
  assert.equal(open.status, 0, open.stderr);
  assert.match(open.stderr, /secret_file_open_to_others/);
});

test('the setting wins over the folder\'s file, and that over hudhud.db', async () => {
  const data = newFolder();
  await runOk(['init', '--data', data]);
  await runOk(['workspace', 'create', 'In the file', '--domain', 'sqlite', '--data', data]);
  const domains = async (options) =>
    (await runJson(['workspace', 'list', '--data', data], options)).map((w) => w.domain);

  const joined = await initFolder();
  await runOk(['workspace', 'create', 'On the server', '--domain', 'postgres', '--data', joined]);
  copyFileSync(path.join(joined, 'store'), path.join(data, 'store'));
  assert.match(await failsToServe(data), /not the key/, 'the file store wins over hudhud.db');
  copyFileSync(path.join(joined, 'key'), path.join(data, 'key'));
  assert.deepEqual(await domains(), ['postgres']);

  writeFileSync(path.join(data, 'store'), `${AWAY}\n`);
  const env = { HUDHUD_STORE: storeUrl(joined) };
  assert.deepEqual(await domains({ env }), ['postgres'], 'the setting wins over the file store');
  const server = await startServe({ data, env });
  await server.stop();
  assert.match(server.log(), /store_of_folder_left_aside folder=\S*127\.0\.0\.1:1/);

  writeFileSync(path.join(data, 'store'), 'postgres://u:p@ss@h/d\n');
  const wrong = await failsToServe(data);
  assert.match(wrong, /what .*store holds is not a URL/);
  assert.doesNotMatch(wrong, /p@ss/);
});

test('the key is rotated by a server that is alone', async (t) => {
  const first = await initFolder();
  const second = await joinFolder(first);
  const server = await startServe({ data: second });
  t.after(() => server.stop());
  const key = readFileSync(path.join(first, 'key'), 'utf8');
  const refused = await run(['key', 'rotate', '--data', first]);
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /other servers use this database.*Stop all but one/);
  assert.equal(readFileSync(path.join(first, 'key'), 'utf8'), key);
  await server.stop();
  await runOk(['key', 'rotate', '--data', first]);
  assert.match(await failsToServe(second), /not the key.*copy it from the one that rotated it/);
  copyFileSync(path.join(first, 'key'), path.join(second, 'key'));
  const back = await startServe({ data: second });
  assert.equal((await back.stop()).status, 0);
});

test('a server that was killed is not waited for when it comes back', async () => {
  const data = await initFolder();
  await (await startServe({ data })).kill9();
  const server = await startServe({ data });
  assert.equal(storeSql(data, 'SELECT count(*) FROM replicas'), '1');
  await server.stop();
  assert.equal(storeSql(data, 'SELECT count(*) FROM replicas'), '0');
});

test('doctor tells of the server, and of the way to it', async () => {
  const data = await initFolder();
  const findings = await run(['doctor', '--data', data, '--json']);
  const store = JSON.parse(findings.stdout).find((f) => f.check === 'store');
  assert.equal(store.verdict, 'ok');
  assert.match(store.message, /PostgreSQL \d+, on this machine; servers on it: 1/);
});
