// A PostgreSQL server of the tests' own, from Debian's package: a new cluster in a temporary folder,
// with its socket there too, and nothing of it left behind. The tests are a role that may make
// databases and nothing more, so that Hudhud is never tried with more rights than it needs.
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  appendFileSync, chmodSync, chownSync, closeSync, existsSync, mkdtempSync, openSync,
  readFileSync, readdirSync, rmSync, statSync, writeFileSync,
} from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';

const OLDEST = 15; // the oldest that Hudhud supports
const PACKAGES = '/usr/lib/postgresql';
const FOLDER = 'hudhud-postgres-';
const SOCKET_FOLDER_MAX = 80; // the whole path of a socket must stay below 108 bytes
const PORT = 5432; // without TCP it is but a part of the socket's name
const READY_MS = 30000;
const READY_POLL_MS = 20;
const STOP_MS = 30000;
const STOP_SIGNALS = { smart: 'SIGTERM', fast: 'SIGINT', immediate: 'SIGQUIT' };
const ROLE = 'hudhud_test';
const LOG_TAIL = 4000; // characters

// Without fsync a loss of power would lose data, and a process that is killed still does not.
const SETTINGS = {
  fsync: 'off',
  autovacuum: 'off', // nobody but the server itself may end its work in a database that is to be dropped
  shared_buffers: '32MB',
  max_connections: 300,
  max_wal_size: '256MB',
  wal_level: 'minimal',
  max_wal_senders: 0,
  timezone: 'UTC',
  log_line_prefix: '%m %d ',
};
// Sorted by the rules of a language and not byte by byte, as many databases are: Hudhud must not
// depend on either.
const COLLATION = "ENCODING 'UTF8' LOCALE 'C.UTF-8' LOCALE_PROVIDER icu ICU_LOCALE 'en-US'";

// Where the programs of the newest installed PostgreSQL are, or null.
export function findPostgres() {
  if (!existsSync(PACKAGES)) return null;
  const [newest] = readdirSync(PACKAGES).map(Number)
    .filter((version) => version >= OLDEST && existsSync(`${PACKAGES}/${version}/bin/postgres`))
    .sort((a, b) => b - a);
  return newest ? `${PACKAGES}/${newest}/bin` : null;
}

function programOf(name) {
  const bin = findPostgres();
  if (!bin) throw new Error(`there is no PostgreSQL >= ${OLDEST} in ${PACKAGES}: run tools/setup test`);
  return path.join(bin, name);
}

// initdb and postgres refuse to be root's: then they are run as the user that the package made.
// A server gets SIGINT, and stops, when the process that started it is no more.
function asOwner(name, args) {
  const user = process.getuid() === 0 ? ['--reuid=postgres', '--regid=postgres', '--init-groups'] : [];
  return ['setpriv', [...user, '--pdeathsig=INT', programOf(name), ...args]];
}

function giveToOwner(file) {
  if (process.getuid() !== 0) return;
  const id = (flag) => Number(execFileSync('id', [flag, 'postgres']).toString());
  chownSync(file, id('-u'), id('-g'));
}

const folderParent = () =>
  (tmpdir().length <= SOCKET_FOLDER_MAX - FOLDER.length - 6 ? tmpdir() : '/tmp');

// Others may pass through it to the socket, and see nothing else.
function makeFolder() {
  const folder = mkdtempSync(path.join(folderParent(), FOLDER));
  chmodSync(folder, 0o711);
  giveToOwner(folder);
  return folder;
}

// Only for a folder of makeFolder(): a path that was read from a file might be another.
export function removeFolder(folder) {
  if (!path.basename(folder).startsWith(FOLDER)) throw new Error(`${folder} is none of ours`);
  // A server that is just ending may still remove files of its own.
  rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
}

// Of tests that were killed: their server ended with them, and its folder stayed. Another user's stay.
export function removeFoldersOlderThan(ms) {
  const parent = folderParent();
  for (const name of readdirSync(parent).filter((one) => one.startsWith(FOLDER))) {
    const folder = path.join(parent, name);
    try {
      if (Date.now() - statSync(folder).mtimeMs > ms) removeFolder(folder);
    } catch (error) {
      if (!['EACCES', 'EPERM', 'ENOENT'].includes(error.code)) throw error;
    }
  }
}

function makeCluster(folder, port, tcp, settings) {
  const data = path.join(folder, 'data');
  const quiet = { stdio: ['ignore', 'ignore', 'pipe'] };
  execFileSync(...asOwner('initdb',
    ['--no-sync', '--no-instructions', '--encoding=UTF8', '--locale=C.UTF-8', '--auth=peer', '-D', data]), quiet);
  const all = { ...SETTINGS, port, listen_addresses: tcp ? '127.0.0.1' : '',
    unix_socket_directories: folder, ...settings };
  appendFileSync(path.join(data, 'postgresql.conf'),
    Object.entries(all).map(([name, value]) => `${name} = '${value}'\n`).join(''));
  // The superuser is the server's own user and no one else.
  writeFileSync(path.join(data, 'pg_hba.conf'),
    `local all ${ROLE} trust\nhost all ${ROLE} 127.0.0.1/32 trust\nlocal all all peer\n`);
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer().on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

const logTail = (folder) => readFileSync(path.join(folder, 'log'), 'utf8').slice(-LOG_TAIL);

// The server says in its own file of its process that it takes connections.
const isReady = (folder) => {
  try {
    return readFileSync(path.join(folder, 'data/postmaster.pid'), 'utf8').split('\n')[7]?.trim() === 'ready';
  } catch {
    return false;
  }
};

const hasEnded = (child) => child.exitCode !== null || child.signalCode !== null;

// -> the running child, once it takes connections.
async function launch(folder) {
  const limit = Date.now() + READY_MS;
  const log = openSync(path.join(folder, 'log'), 'a');
  const child = spawn(...asOwner('postgres', ['-D', path.join(folder, 'data')]),
    { stdio: ['ignore', log, log] });
  closeSync(log);
  child.unref(); // a test need not stop it to end
  await once(child, 'spawn');
  while (!isReady(folder)) {
    await setTimeout(READY_POLL_MS);
    if (hasEnded(child) || Date.now() > limit) {
      child.kill('SIGQUIT');
      throw new Error(`PostgreSQL did not start:\n${logTail(folder)}`);
    }
  }
  return child;
}

async function end(child, mode) {
  if (hasEnded(child)) return;
  child.ref();
  child.kill(STOP_SIGNALS[mode]);
  const tooLong = new AbortController();
  setTimeout(STOP_MS, null, tooLong).then(() => child.kill('SIGKILL'), () => {});
  await once(child, 'exit');
  tooLong.abort();
}

// The tester's own PGHOST and the like never leak into a test.
function cleanEnvironment(extra) {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('PG'));
  return { ...Object.fromEntries(own), ...extra };
}

// psql reads the statements as a person would type them: each is a transaction of its own
// -> what they returned, columns parted by |.
export function sql(url, text) {
  return execFileSync(programOf('psql'), ['-XAtq', '-v', 'ON_ERROR_STOP=1', url],
    { input: text, env: cleanEnvironment(), stdio: ['pipe', 'pipe', 'pipe'] }).toString().trim();
}

// Everything in a database, as text in which a secret that is not sealed would be read.
export function dump(url) {
  const env = cleanEnvironment({ PGOPTIONS: '-c bytea_output=escape' });
  return execFileSync(programOf('pg_dump'), ['--data-only', url], { env, maxBuffer: 1 << 30 }).toString();
}

// What can be asked of a running server from any process -> {url(), createDatabase(), dropDatabases()}.
function clientOf(folder, port) {
  const url = (database) => `postgres://${ROLE}@localhost:${port}/${database}?host=${folder}`;
  return {
    url,
    // An empty database -> its URL. Options: form (its encoding and collation, in SQL).
    createDatabase({ form = COLLATION } = {}) {
      const name = `test_${randomBytes(8).toString('hex')}`;
      sql(url('postgres'), `CREATE DATABASE ${name} TEMPLATE template0 ${form};`);
      return url(name);
    },
    // One in which the server itself is at work just now (autovacuum) stays, and goes with the server.
    dropDatabases(urls) {
      for (const { pathname } of urls.map((one) => new URL(one))) {
        try {
          sql(url('postgres'), `DROP DATABASE IF EXISTS ${pathname.slice(1)} WITH (FORCE);`);
        } catch (error) {
          if (!/process is being terminated|being accessed by other users/.test(error.stderr)) throw error;
        }
      }
    },
  };
}

const running = new Set();
process.on('exit', () => {
  for (const { child, folder } of running) {
    child.kill('SIGQUIT');
    removeFolder(folder);
  }
});

// Starts a server -> {url(), createDatabase(), dropDatabases(), folder, port, pid, ended, log(),
// restart(mode), stop(mode)}. It ends with this process if not before. Options: tcp (also listens on
// the loopback), settings (of postgresql.conf).
export async function startPostgres({ tcp = false, settings = {} } = {}) {
  const folder = makeFolder();
  const port = tcp ? await freePort() : PORT;
  let one;
  try {
    makeCluster(folder, port, tcp, settings);
    one = { folder, child: await launch(folder) };
    execFileSync(...asOwner('psql', ['-XAtq', '-h', folder, '-p', String(port), '-d', 'postgres', '-c',
      `CREATE ROLE ${ROLE} LOGIN CREATEDB`]), { stdio: ['ignore', 'ignore', 'pipe'] });
  } catch (error) {
    one?.child.kill('SIGQUIT');
    removeFolder(folder);
    throw error;
  }
  running.add(one);
  return {
    ...clientOf(folder, port),
    folder,
    port,
    get pid() { return one.child.pid; },
    get ended() { return hasEnded(one.child); },
    log: () => logTail(folder),
    async restart(mode = 'fast') {
      await end(one.child, mode);
      one.child = await launch(folder);
    },
    async stop(mode = 'fast') {
      await end(one.child, mode);
      running.delete(one);
      removeFolder(folder);
    },
  };
}

// The server that postgres-server.mjs keeps, by the file that tells of it.
export function sharedPostgres(file) {
  const { folder, port } = JSON.parse(readFileSync(file, 'utf8'));
  return clientOf(folder, port);
}
