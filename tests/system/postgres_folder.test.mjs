// A data folder whose store is in PostgreSQL: what folder.test.mjs says of a SQLite file, said of a
// database on a server. Each refusal says how to mend it.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import {
  createDatabase, folderWithKeyOf, initFolder, run, runJson, runOk, startServe, storeSql, storeUrl,
  temporaryFolder,
} from './lib/hudhud.mjs';
import { sql } from './lib/postgres.mjs';
import { spoilStore } from './lib/store.mjs';

const serve = (data, options) => run(['serve', '--data', data, '--listen', '127.0.0.1:0'], options);
const newFolder = () => path.join(temporaryFolder(), 'data');
const domains = async (data, options) =>
  (await runJson(['workspace', 'list', '--data', data], options)).map((workspace) => workspace.domain);

async function assertRefused(command, says) {
  const { status, stderr } = await command;
  assert.equal(status, 1, stderr);
  assert.match(stderr, says);
}

test('init keeps where the store is, for its user alone', async () => {
  const url = await createDatabase();
  const data = newFolder();
  await runOk(['init', '--data', data], { env: { HUDHUD_STORE: url } });
  assert.deepEqual(readdirSync(data).sort(), ['key', 'lock', 'store']);
  assert.equal(statSync(path.join(data, 'store')).mode & 0o777, 0o600);
  assert.equal(storeUrl(data), url);
});

test('--store wins over HUDHUD_STORE, and both over what the folder keeps', async (t) => {
  const data = await initFolder();
  const [second, third] = [folderWithKeyOf(data), folderWithKeyOf(data)]; // the key goes with a folder
  for (const [i, folder] of [data, second, third].entries()) {
    if (i > 0) await runOk(['init', '--data', folder, '--store', await createDatabase()]);
    await runOk(['workspace', 'create', `W ${i}`, '--domain', `w${i}`, '--data', folder]);
  }
  const env = { HUDHUD_STORE: storeUrl(second) };
  assert.deepEqual(await domains(data), ['w0']);
  assert.deepEqual(await domains(data, { env }), ['w1']);
  const server = await startServe({ data, env, args: ['--store', storeUrl(third)] });
  t.after(() => server.stop());
  assert.deepEqual(await domains(data), ['w2']);
});

test('a backup is restored into the database that HUDHUD_STORE names, and not beside it', async () => {
  const data = await initFolder();
  const env = { HUDHUD_STORE: storeUrl(data) };
  const backup = path.join(temporaryFolder(), 'backup');
  await runOk(['workspace', 'create', 'A', '--domain', 'a', '--data', data]);
  await runOk(['backup', backup, '--data', data]);
  await runOk(['workspace', 'create', 'B', '--domain', 'b', '--data', data]);
  rmSync(path.join(data, 'store'));
  await runOk(['restore', backup, '--replace', '--data', data], { env });
  assert.deepEqual(await domains(data, { env }), ['a']);
  assert.ok(!existsSync(path.join(data, 'hudhud.db')));

  const none = newFolder();
  await assertRefused(run(['restore', backup, '--data', none], { env }), /hudhud init.*--replace/);
  assert.ok(!existsSync(none));
});

test('a database of hudhud is joined with its key, and not without', async (t) => {
  const data = await initFolder();
  await runOk(['workspace', 'create', 'A', '--domain', 'a', '--data', data]);
  const url = storeUrl(data);
  const without = newFolder();
  await assertRefused(run(['init', '--data', without, '--store', url]), /key/);
  await assertRefused(run(['init', '--data', folderWithKeyOf(await initFolder()), '--store', url]), /key/);

  const replica = folderWithKeyOf(data);
  await runOk(['init', '--data', replica, '--store', url]);
  assert.deepEqual(await domains(replica), ['a']);
  assert.equal(readFileSync(path.join(replica, 'key'), 'utf8'), readFileSync(path.join(data, 'key'), 'utf8'));
  for (const folder of [data, replica]) {
    const server = await startServe({ data: folder });
    t.after(() => server.stop());
  }
});

test('a server that cannot be reached: init leaves nothing, and no password is shown', async () => {
  const nowhere = `postgres://somebody:opensesame@localhost:5432/x?host=${temporaryFolder()}`;
  const env = { HUDHUD_STORE: nowhere };
  const data = newFolder();
  for (const command of [run(['init', '--data', data], { env }), serve(await initFolder(), { env })]) {
    const { status, stderr } = await command;
    assert.equal(status, 1, stderr);
    assert.match(stderr, /cannot connect to postgres:\/\/somebody@.*No such file/s);
    assert.doesNotMatch(stderr, /opensesame/);
  }
  await runOk(['init', '--data', data, '--store', await createDatabase()]);
  const shown = await run(['init', '--data', newFolder(), '--store', nowhere]);
  assert.equal(shown.status, 2, 'a command line is there for all to read');
  assert.match(shown.stderr, /--store-password-file/);
  assert.doesNotMatch(shown.stderr, /opensesame/);
});

test('a database that is gone, and one that is none of hudhud\'s', async () => {
  const data = await initFolder();
  spoilStore(data);
  await assertRefused(serve(data), /not one of hudhud/);
  const url = new URL(storeUrl(data));
  const name = url.pathname.slice(1);
  url.pathname = '/postgres';
  sql(url.href, `DROP DATABASE ${name}`);
  await assertRefused(serve(data), new RegExp(`${name}.*does not exist`));
});

test('a database of a newer version is not joined', async () => {
  const data = await initFolder();
  storeSql(data, 'INSERT INTO schema_version (version, applied_at) VALUES (9999, 0)');
  await assertRefused(run(['init', '--data', folderWithKeyOf(data), '--store', storeUrl(data)]), /newer/);
});

test('a database whose texts are not UTF-8 is refused', async () => {
  const latin = await createDatabase({ form: "ENCODING 'LATIN1' LOCALE 'C'" });
  await assertRefused(run(['init', '--data', newFolder(), '--store', latin]), /encoding is LATIN1.*UTF8/);
});

test('what is no address of a store', async () => {
  for (const store of ['mysql://x/y', 'hudhud.db', 'postgres://x@y:port/z']) {
    const { status, stderr } = await run(['init', '--data', newFolder(), '--store', store]);
    assert.equal(status, 2, store);
    assert.match(stderr, /is not a URL such as postgres:\/\//);
  }
});
