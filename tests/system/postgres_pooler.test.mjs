// A server whose PostgreSQL stands behind PgBouncer in transaction mode: each transaction may run in
// another session, which is somebody else's a moment later.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, chownSync, existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { call, createClient, createDatabase, joinFolder, runOk, startServe, temporaryFolder } from './lib/hudhud.mjs';
import { sql } from './lib/postgres.mjs';
import { startSim } from './lib/sim.mjs';
import { eventually, scenarioOf } from './lib/world.mjs';

const PROGRAM = '/usr/sbin/pgbouncer';
const POOL = 3; // sessions for all: fewer than connections, so that they are shared

// Before the server of this URL -> the URL of the same database through it. It refuses to be root's.
async function startPooler(t, url) {
  const folder = temporaryFolder();
  const { username, pathname, port, searchParams } = new URL(url);
  const asOther = process.getuid() === 0
    ? ['--reuid=postgres', '--regid=postgres', '--init-groups'] : [];
  if (asOther.length) {
    chmodSync(folder, 0o711);
    chownSync(folder, Number(execFileSync('id', ['-u', 'postgres'])), -1);
  }
  writeFileSync(path.join(folder, 'users'), `"${username}" ""\n`);
  writeFileSync(path.join(folder, 'ini'), `[databases]
* = host=${searchParams.get('host')} port=${port || 5432} user=${username}
[pgbouncer]
pool_mode = transaction
default_pool_size = ${POOL}
max_client_conn = 100
auth_type = trust
auth_file = ${folder}/users
listen_addr =
listen_port = 6432
unix_socket_dir = ${folder}
`);
  const child = spawn('setpriv', [...asOther, '--pdeathsig=TERM', PROGRAM, path.join(folder, 'ini')],
    { stdio: 'ignore' });
  t.after(() => child.kill('SIGTERM'));
  await eventually(() => existsSync(path.join(folder, '.s.PGSQL.6432')), { what: 'PgBouncer' });
  return `postgres://${username}@localhost:6432${pathname}?host=${folder}`;
}

test('two servers behind PgBouncer in transaction mode', async (t) => {
  const direct = await createDatabase();
  const pooled = await startPooler(t, direct);
  const sim = await startSim({ scenario: scenarioOf([{ id: '1000' }, { id: '1001' }]) });
  t.after(() => sim.stop());
  const data = path.join(temporaryFolder(), 'data');
  const env = { HUDHUD_STORE_PREPARED: 'false' };
  await runOk(['init', '--data', data, '--store', pooled], { env });
  const creds = await createClient(data, 'acme', { env });
  const folders = [data, await joinFolder(data, pooled, { env })];
  const servers = await Promise.all(folders.map((folder) => startServe({ data: folder, graphUrl: sim.url, env })));
  t.after(() => Promise.all(servers.map((one) => one.stop())));

  const link = await call(servers[0].url, 'POST', '/waba-numbers', creds,
    { body: JSON.stringify({ waba_id: '900', access_token: sim.token }) });
  assert.equal(link.status, 201, link.text);
  const lists = await Promise.all(Array.from({ length: 60 }, (_, i) =>
    call(servers[i % 2].url, 'GET', `/waba-numbers?n=${i}`, creds)));
  assert.ok(lists.every(({ status }) => status === 200), JSON.stringify(lists.map(({ status }) => status)));
  const gone = await Promise.all(['1000', '1001'].map((id, i) =>
    call(servers[i].url, 'DELETE', `/waba-numbers/${id}`, creds)));
  assert.deepEqual(gone.map(({ status }) => status), [200, 200], gone.map(({ text }) => text).join());
  for (const { url } of servers) {
    await eventually(async () => (await call(url, 'GET', '/waba-numbers', creds)).status === 404,
      { timeout: 2000, what: 'the change on both, without notifications' });
  }

  // What a client of another program finds in a session after us.
  const settings = sql(pooled, `SELECT current_setting('idle_in_transaction_session_timeout'),
    current_setting('lock_timeout'), (SELECT count(*) FROM pg_prepared_statements)`);
  assert.equal(settings, '0|0|0');
});
