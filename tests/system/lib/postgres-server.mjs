// The PostgreSQL that all the tests of a run share. CTest starts it before the first of them and
// stops it after the last, whatever became of them.
//
//   node postgres-server.mjs find          prints where PostgreSQL's programs are; nothing: nowhere
//   node postgres-server.mjs start FILE    a server in the background; FILE tells of it
//   node postgres-server.mjs stop FILE
//   node postgres-server.mjs run FILE PROGRAM   with the server's URL in HUDHUD_TEST_POSTGRES
//
// Nothing of a run that was cut off stays for long: a supervisor starts the server, stops it after
// LIFE_MS, and the kernel stops it when the supervisor is killed; the next start removes the rest.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { findPostgres, removeFolder, removeFoldersOlderThan, sharedPostgres, startPostgres } from './postgres.mjs';

const LIFE_MS = 60 * 60 * 1000; // longer than every run of the tests
const START_MS = 60000;
const STOP_MS = 30000;
const POLL_MS = 50;

const self = fileURLToPath(import.meta.url);

// -> {supervisor, server, folder, port}, or null when there is no such file.
function readState(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return null;
  }
}

// Another process may have got the number since: its command line must name what is ours.
function isOurs(pid, word) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(word);
  } catch {
    return false;
  }
}

function signalOurs(pid, word, signal) {
  try {
    if (isOurs(pid, word)) process.kill(pid, signal);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error; // it ended just now
  }
}

// Waits for its end, and forces it when it takes too long.
async function endProcess(pid, word, signal) {
  signalOurs(pid, word, signal);
  for (const limit = Date.now() + STOP_MS; isOurs(pid, word);) {
    await setTimeout(POLL_MS);
    if (Date.now() > limit) signalOurs(pid, word, 'SIGKILL');
  }
}

async function stop(file) {
  const state = readState(file);
  if (!state) return;
  await endProcess(state.supervisor, file, 'SIGTERM');
  await endProcess(state.server, path.join(state.folder, 'data'), 'SIGQUIT');
  removeFolder(state.folder);
  rmSync(file, { force: true });
}

// The supervisor: what `start` leaves in the background.
async function supervise(file) {
  const server = await startPostgres();
  const state = { supervisor: process.pid, server: server.pid, folder: server.folder, port: server.port };
  writeFileSync(`${file}.new`, JSON.stringify(state));
  renameSync(`${file}.new`, file);
  const asked = new Promise((resolve) => { process.once('SIGTERM', resolve); });
  await Promise.race([asked, setTimeout(LIFE_MS)]);
  await server.stop('immediate');
  rmSync(file, { force: true });
  process.exit(0);
}

async function start(file) {
  await stop(file);
  removeFoldersOlderThan(2 * LIFE_MS);
  const child = spawn(process.execPath, [self, 'supervise', file],
    { detached: true, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (text) => { said += text; });
  for (const limit = Date.now() + START_MS; !existsSync(file);) {
    if (child.exitCode !== null || Date.now() > limit) throw new Error(`PostgreSQL did not start: ${said}`);
    await setTimeout(POLL_MS);
  }
  process.exit(0); // the supervisor stays
}

// A program that finds the server by a URL in HUDHUD_TEST_POSTGRES, as those in C do.
function run(file, program) {
  const env = { ...process.env, HUDHUD_TEST_POSTGRES: sharedPostgres(file).url('postgres') };
  spawn(program, { env, stdio: 'inherit' }).on('exit', (status) => process.exit(status ?? 1));
}

const [command, name, program] = process.argv.slice(2);
const commands = { find: () => console.log(findPostgres() ?? ''), start, stop, supervise, run };
if (!commands[command] || (command !== 'find' && !name) || (command === 'run' && !program)) {
  console.error('usage: postgres-server.mjs find | start FILE | stop FILE | run FILE PROGRAM');
  process.exit(2);
}
await commands[command](name && path.resolve(name), program);
