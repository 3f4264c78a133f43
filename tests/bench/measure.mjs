// Loads one address with wrk and reads what its server spent on it.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';

const runFile = promisify(execFile);
const CONNECTIONS = 64;
const SECONDS = 5;
const WARM_UP_SECONDS = 1;
const US_PER_TICK = 1e4; // USER_HZ is 100 on every Linux that Debian runs on
const MS = { us: 1e-3, ms: 1, s: 1e3 };

// User and system time of the whole process, in microseconds.
export function cpuMicroseconds(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // from field 3, the state
  return (Number(fields[11]) + Number(fields[12])) * US_PER_TICK;
}

export function residentMiB(pid) {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))[1]) / 1024;
}

// In milliseconds.
function latency(report, percentile) {
  const match = new RegExp(`^\\s+${percentile}%\\s+([\\d.]+)(us|ms|s)$`, 'm').exec(report);
  if (!match) throw new Error(`wrk tells no latency:\n${report}`);
  return Number(match[1]) * MS[match[2]];
}

// target: {url, headers, core of wrk, connections, script (a file in Lua), refused: the answers are
// meant not to be 2xx} -> what wrk reports.
export async function load({ url, headers, core, connections = CONNECTIONS, script, refused = false },
  seconds) {
  const args = ['-c', core, 'wrk', '-t1', `-c${connections}`, `-d${seconds}s`, '--latency',
    '--timeout', '30s']; // that a busy machine pauses is no fault of the server's
  if (script) args.push('-s', script);
  for (const [name, value] of Object.entries(headers)) args.push('-H', `${name}: ${value}`);
  const { stdout } = await runFile('taskset', [...args, url]);
  const requests = Number(/(\d+) requests in/.exec(stdout)[1]);
  const wrong = Number(/Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1] ?? 0);
  // An error is answered faster than the real thing: a run with errors measures nothing.
  if (/Socket errors/.test(stdout) || wrong !== (refused ? requests : 0)) {
    throw new Error(`${url}: ${wrong} of ${requests} answers are not 2xx\n${stdout}`);
  }
  return {
    requests,
    perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)[1]),
    p50: latency(stdout, 50),
    p99: latency(stdout, 99),
  };
}

// One more member than `load` needs: pid. -> {perSecond, cpu (us), p50, p99 (ms), rss (MiB)}
export async function measure(target, { seconds = SECONDS, warmUp = WARM_UP_SECONDS } = {}) {
  await load(target, warmUp);
  const before = cpuMicroseconds(target.pid);
  const report = await load(target, seconds);
  const spent = cpuMicroseconds(target.pid) - before;
  return { ...report, cpu: spent / report.requests, rss: residentMiB(target.pid) };
}

// The middle one of several measurements, by what a request cost.
export function median(measurements) {
  return [...measurements].sort((a, b) => a.cpu - b.cpu)[measurements.length >> 1];
}

export function printTable(title, rows) {
  console.log(`\n${title}`);
  console.log('server'.padEnd(34) + ['requests/s', 'CPU us/req', 'p50 ms', 'p99 ms', 'RSS MiB']
    .map((name) => name.padStart(12)).join(''));
  for (const [name, m] of rows) {
    const cells = [m.perSecond.toFixed(0), m.cpu.toFixed(2), m.p50.toFixed(2), m.p99.toFixed(2),
      m.rss.toFixed(1)];
    console.log(name.padEnd(34) + cells.map((cell) => cell.padStart(12)).join(''));
  }
}
