// hudhud store copy: from PostgreSQL to SQLite and back, after kill -9 at any instant, one workspace
// beside others, and what it refuses.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import {
  binary, call, createClient, createDatabase, initFolder, run, runJson, runOk, startServe, storeSql, storeUrl,
  temporaryFolder,
} from './lib/hudhud.mjs';
import { sleep, startWorld } from './lib/world.mjs';

// A new folder of the same key, with a database on PostgreSQL or of its own -> its path.
async function folderLike(source, { server }) {
  const data = path.join(temporaryFolder(), 'data');
  mkdirSync(data, { mode: 0o700 });
  copyFileSync(path.join(source, 'key'), path.join(data, 'key'));
  await runOk(['init', '--data', data, ...(server ? ['--store', await createDatabase()] : [])]);
  return data;
}

const copyLine = (from, to, ...more) => ['store', 'copy', '--from', from, '--to', to, ...more];

async function refused(line, says) {
  const answer = await run(line);
  assert.equal(answer.status, 1, line.join(' '));
  assert.match(answer.stderr, says);
}

async function everythingOf(t, data, world) {
  const server = await startServe({ data, graphUrl: world.sim.url });
  t.after(() => server.stop());
  const list = await call(server.url, 'GET', '/waba-numbers?include=health', world.creds);
  assert.equal(list.status, 200, list.text);
  const write = await call(server.url, 'POST', '/waba-numbers/1/sync', world.creds);
  assert.equal(write.status, 200, write.text);
  assert.equal((await server.stop()).status, 0);
  const keys = await runJson(['key', 'show', '--data', data]);
  assert.equal(keys.unreadable, 0);
  return {
    list: list.json.data.map(({ id, phone_number: phone, verified_name: name }) => ({ id, phone, name })),
    workspaces: await runJson(['workspace', 'list', '--data', data]),
  };
}

test('to SQLite and back: the API answers the same', { timeout: 180000 }, async (t) => {
  const world = await startWorld(t);
  await world.sim.patchNumber((await world.sim.scenario()).accounts[0].numbers[0].id, { quality_rating: 'RED' });
  assert.equal((await world.call('POST', '/waba-numbers/1/sync')).status, 200);
  await world.server.stop();
  const before = await everythingOf(t, world.data, world);

  const file = await folderLike(world.data, { server: false });
  const there = await runJson(copyLine(world.data, file));
  assert.equal(there.same, true);
  assert.equal(there.tables.find((line) => line.table === 'numbers').rows, 5);
  assert.ok(there.tables.find((line) => line.table === 'number_changes').rows > 0);
  assert.deepEqual(await everythingOf(t, file, world), before);

  const server = await folderLike(world.data, { server: true });
  await runOk(copyLine(file, server));
  assert.deepEqual(await everythingOf(t, server, world), before);
  // Each is the same installation: a backup of one replaces another.
  const backup = path.join(temporaryFolder(), 'backup');
  await runOk(['backup', backup, '--data', file]);
  const running = await startServe({ data: server, graphUrl: world.sim.url });
  t.after(() => running.stop());
  await runOk(['restore', backup, '--data', server, '--replace']);
  assert.equal((await call(running.url, 'GET', '/waba-numbers', world.creds)).json.data.length, 5);
});

test('kill -9 at any instant, and the same command goes on', { timeout: 240000 }, async (t) => {
  const rows = 30000;
  const world = await startWorld(t);
  await world.server.stop();
  storeSql(world.data, `INSERT INTO number_changes (number_id, position, field, to_value, source, at)
    SELECT 1, 1000 + i, 'quality_rating', 'جودة', 'sync', i FROM generate_series(1, ${rows}) AS i;`);
  for (const server of [false, true]) {
    const target = await folderLike(world.data, { server });
    let cuts = 0;
    let begun = 0;
    for (let wait = 100; ; wait += 100) {
      const child = spawn(binary, copyLine(world.data, target), { stdio: 'ignore' });
      const ended = once(child, 'exit');
      await Promise.race([ended, sleep(wait)]);
      child.kill('SIGKILL');
      const [status] = await ended;
      if (status === 0) break;
      assert.equal(status, null, 'it ended by itself');
      cuts++;
      const look = await run(['workspace', 'list', '--data', target]);
      if (/a copy into .* was not finished/.test(look.stderr)) begun++;
      else if (look.status === 0 && look.stdout.includes('acme')) break; // it was just done
    }
    assert.ok(cuts > 0 && begun > 0, `${cuts} cuts, ${begun} of them seen`);
    t.diagnostic(`${cuts} cuts, ${begun} of a copy that was begun`);
    const changes = await runJson(['number', 'history', '--domain', 'acme', '1', '--limit', '1', '--data', target]);
    assert.ok(JSON.stringify(changes).includes('جودة'));
    await everythingOf(t, target, world);
  }
});

test('one workspace, beside another with the same ids', { timeout: 120000 }, async (t) => {
  const world = await startWorld(t, { domain: 'acme' });
  const limited = await runJson(['client', 'create', '--domain', 'acme', '--name', 'limited', '--numbers', '2',
    '--data', world.data]);
  await world.server.stop();
  const target = await folderLike(world.data, { server: true });
  await createClient(target, 'globex');
  storeSql(target, `INSERT INTO accounts (workspace_id, waba_id, name, access_token, template_count, state,
      confirmed_at, linked_at) VALUES (1, '900900', 'n', '', 0, 'x', 1, 1);
    INSERT INTO numbers (workspace_id, account_id, phone_number_id, phone_number, verified_name, quality_rating,
      status, meta_status, is_official_business_account, reasons, message_template_count, created_at, updated_at,
      unlinked_at) SELECT 1, 1, 'x' || i, '', '', '', '', '', 0, '[]', 0, 1, 1, 1 FROM generate_series(1, 7) AS i;
    UPDATE accounts SET unlinked_at = 1;`);
  await runOk(copyLine(world.data, target, '--workspace', 'acme'));
  assert.deepEqual((await runJson(['workspace', 'list', '--data', target])).map((one) => one.domain),
    ['globex', 'acme']);

  const server = await startServe({ data: target, graphUrl: world.sim.url });
  t.after(() => server.stop());
  const all = await call(server.url, 'GET', '/waba-numbers', world.creds);
  assert.deepEqual(all.json.data.map((one) => one.id), [8, 9, 10, 11, 12].map((id) => (
    typeof all.json.data[0].id === 'string' ? String(id) : id)));
  assert.equal((await call(server.url, 'POST', '/waba-numbers/8/sync', world.creds)).status, 200);
  const own = await call(server.url, 'GET', '/waba-numbers',
    { domain: 'acme', clientId: limited.client_id, secret: limited.hmac_secret });
  assert.deepEqual(own.json.data.map((one) => Number(one.id)), [9], 'what a client may use goes with it');
  await server.stop();
  await refused(copyLine(world.data, target, '--workspace', 'acme'),
    /taken there; nothing was changed\n {2}domain: acme is there already\n {2}client: /);
});

test('what it refuses', { timeout: 120000 }, async (t) => {
  const world = await startWorld(t);
  const target = await folderLike(world.data, { server: false });
  await refused(copyLine(world.data, target), /in use by another hudhud \(process \d+\); stop it first/);
  await refused(copyLine(storeUrl(world.data), target), /a server uses .* now: stop it first/);
  await world.server.stop();
  await refused(copyLine(world.data, target, '--workspace', 'none'), /no workspace none/);
  await refused(copyLine(world.data, world.data), /the same/);
  await refused(copyLine(storeUrl(world.data), await createDatabase(), '--key-file',
    path.join(world.data, 'key')), /not one of hudhud.*hudhud init/);
  await refused(copyLine(storeUrl(world.data), storeUrl(world.data)), /the same/);
  const other = await initFolder();
  await refused(copyLine(world.data, other), /not sealed with the key of .*copy of the source's file `key`/);
  await refused(copyLine(storeUrl(other), storeUrl(world.data)), /--key-file/);
  await refused(['store', 'copy', '--to', target, '--undo'], /no copy into .* was begun/);
  assert.equal((await run(['store', 'copy', '--to', target])).status, 2);
  await runOk(['workspace', 'create', 'one', '--domain', 'one', '--data', target]);
  await refused(copyLine(world.data, target), /holds workspaces already, and nothing was changed/);
  // By URLs alone, with the key in a file.
  const key = path.join(temporaryFolder(), 'key');
  writeFileSync(key, readFileSync(path.join(world.data, 'key')), { mode: 0o600 });
  const last = await folderLike(world.data, { server: true });
  await runOk(copyLine(storeUrl(world.data), storeUrl(last), '--key-file', key));
  rmSync(key);
  assert.equal((await runJson(['workspace', 'list', '--data', last])).length, 1);
});
