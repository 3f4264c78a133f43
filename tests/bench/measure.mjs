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
function cpuMicroseconds(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // from field 3, the state
  return (Number(fields[11]) + Number(fields[12])) * US_PER_TICK;
}

function residentMiB(pid) {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))[1]) / 1024;
}

function latency(report, percentile) {
  const [, value, unit] = new RegExp(`^\\s+${percentile}%\\s+([\\d.]+)(us|ms|s)$`, 'm').exec(report);
  return Number(value) * MS[unit];
}

async function load({ url, headers, core }, seconds) {
  const args = ['-c', core, 'wrk', '-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, '--latency'];
  for (const [name, value] of Object.entries(headers)) args.push('-H', `${name}: ${value}`);
  const { stdout } = await runFile('taskset', [...args, url]);
  // An error is answered faster than the real thing: a run with errors measures nothing.
  const wrong = /Non-2xx.*|Socket errors.*/.exec(stdout);
  if (wrong) throw new Error(`${url}: ${wrong[0]}\n${stdout}`);
  return stdout;
}

// target: {pid, url, headers, core of wrk} -> {perSecond, cpu (us), p50, p99 (ms), rss (MiB)}
export async function measure(target) {
  await load(target, WARM_UP_SECONDS);
  const before = cpuMicroseconds(target.pid);
  const report = await load(target, SECONDS);
  const spent = cpuMicroseconds(target.pid) - before;
  const requests = Number(/(\d+) requests in/.exec(report)[1]);
  return {
    perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(report)[1]),
    cpu: spent / requests,
    p50: latency(report, 50),
    p99: latency(report, 99),
    rss: residentMiB(target.pid),
  };
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
