// Starts what is measured, each on one core, and stops it again by its process id.
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';

const READY_MS = 20000;
const children = new Set();

// Starts a program; resolves with {pid, match} once its output has `ready`.
export function start(program, args, { ready, core, input = '', stream = 'stderr' }) {
  const [command, line] = core === undefined
    ? [program, args] : ['taskset', ['-c', core, program, ...args]]; // taskset becomes the program
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('HUDHUD_')));
  const child = spawn(command, line, { env });
  children.add(child);
  child.stdin.on('error', () => {}); // it need not read it
  child.stdin.end(input);
  return new Promise((resolve, reject) => {
    let text = '';
    const fail = (why) => reject(new Error(`${program} ${args.join(' ')}: ${why}\n${text}`));
    const timer = setTimeout(() => fail('not ready in time'), READY_MS);
    for (const name of ['stdout', 'stderr']) {
      child[name].on('data', (chunk) => {
        if (text.length < 65536) text += chunk; // always read: a full pipe would stop it
        const match = name === stream && ready.exec(text);
        if (match) {
          clearTimeout(timer);
          resolve({ pid: child.pid, match });
        }
      });
    }
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      children.delete(child);
      fail(`ended with ${signal ?? code}`);
    });
  });
}

function end(child) {
  return new Promise((resolve) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), 10000);
    child.on('exit', () => { clearTimeout(timer); resolve(); });
    child.kill('SIGTERM');
  });
}

export async function stop(pid) {
  await Promise.all([...children].filter((child) => child.pid === pid).map(end));
}

export async function stopAll() {
  await Promise.all([...children].map(end));
}

export async function startNode(folder, core, secret, body) {
  const script = path.join(import.meta.dirname, 'plain_server.mjs');
  const { pid, match } = await start(process.execPath, [script, secret],
    { ready: /^(\d+)\n/, core, input: body, stream: 'stdout' });
  return { pid, url: `http://127.0.0.1:${match[1]}/api/developer/waba-numbers` };
}

// A port that is free now; nginx cannot say which one it took.
function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

export async function startNginx(folder, core, body) {
  const root = path.join(folder, 'nginx');
  mkdirSync(root);
  writeFileSync(path.join(root, 'numbers.json'), body);
  const port = await freePort();
  const user = process.getuid() === 0 ? 'user root;' : '';
  writeFileSync(path.join(root, 'nginx.conf'), `
${user}
daemon off;
worker_processes 1;
pid ${root}/pid;
error_log stderr notice;
events { worker_connections 1024; }
http {
  access_log off;
  sendfile on;
  keepalive_requests 1000000000;
  open_file_cache max=16;
  default_type application/json;
  client_body_temp_path ${root}/body;
  proxy_temp_path ${root}/proxy;
  fastcgi_temp_path ${root}/fastcgi;
  uwsgi_temp_path ${root}/uwsgi;
  scgi_temp_path ${root}/scgi;
  server { listen 127.0.0.1:${port}; root ${root}; }
}
`);
  const { pid } = await start('/usr/sbin/nginx',
    ['-p', root, '-c', path.join(root, 'nginx.conf'), '-e', 'stderr'],
    { ready: /start worker process \d+\n/, core });
  const worker = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim();
  return { pid: Number(worker), url: `http://127.0.0.1:${port}/numbers.json` };
}
