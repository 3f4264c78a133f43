// Starts the proxies of packaging/examples in front of a server, each with its own file: only ports
// and paths are others, and TLS is left out.
import { spawn } from 'node:child_process';
import { accessSync, constants, readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { temporaryFolder } from './hudhud.mjs';
import { eventually } from './world.mjs';

const examples = path.resolve(import.meta.dirname, '../../../packaging/examples');

// replaceOnce: an example that no longer has the line would be tested without it.
function replaceOnce(text, from, to) {
  if (!from.test(text)) throw new Error(`the example has no ${from}`);
  return text.replace(from, to);
}

function nginxFiles(folder, port, upstream) {
  let site = readFileSync(path.join(examples, 'nginx.conf'), 'utf8');
  site = replaceOnce(site, /server 127\.0\.0\.1:8080;/, `server 127.0.0.1:${upstream};`);
  site = replaceOnce(site, /listen 443 ssl;/, `listen 127.0.0.1:${port};`);
  site = replaceOnce(site, /listen 80;/, `listen unix:${folder}/plain.sock;`);
  site = replaceOnce(site, /^ +ssl_.*\n/gm, '');
  writeFileSync(path.join(folder, 'hudhud.conf'), site);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${folder}/${name};`).join('\n  ');
  const file = path.join(folder, 'nginx.conf');
  writeFileSync(file, `${process.getuid() === 0 ? 'user root;' : ''}
daemon off;
worker_processes 1;
pid ${folder}/pid;
events { worker_connections 1024; }
http {
  access_log off;
  ${temporary}
  include ${folder}/hudhud.conf;
}
`);
  return ['-p', folder, '-c', file, '-e', 'stderr'];
}

function caddyFiles(folder, port, upstream) {
  let site = readFileSync(path.join(examples, 'Caddyfile'), 'utf8');
  site = replaceOnce(site, /reverse_proxy 127\.0\.0\.1:8080/, `reverse_proxy 127.0.0.1:${upstream}`);
  site = replaceOnce(site, /^api\.example\.com \{/m, `http://127.0.0.1:${port} {`);
  site = replaceOnce(site, /^\tservers \{/m,
    `\tadmin off\n\tauto_https off\n\tdefault_bind 127.0.0.1\n\tstorage file_system ${folder}\n\tservers {`);
  const file = path.join(folder, 'Caddyfile');
  writeFileSync(file, site);
  return ['run', '--adapter', 'caddyfile', '--config', file];
}

export const fronts = [
  { name: 'nginx', programs: ['/usr/sbin/nginx'], files: nginxFiles },
  { name: 'caddy', programs: ['/usr/bin/caddy'], files: caddyFiles },
];

function isProgram(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

// A port that is free now; these programs cannot say which one they took.
function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer().on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

const accepts = (port) => new Promise((resolve) => {
  const socket = net.connect(port, '127.0.0.1');
  const end = (answer) => { socket.destroy(); resolve(answer); };
  socket.on('connect', () => end(true)).on('error', () => end(false));
});

// -> the front's port, or null where the program is not installed. It ends with the test.
export async function startFront(t, front, upstream) {
  const program = front.programs.find(isProgram);
  if (!program) {
    t.diagnostic(`NOT CHECKED: there is no ${front.name} here`);
    return null;
  }
  const folder = temporaryFolder();
  const port = await freePort();
  const child = spawn(program, front.files(folder, port, upstream),
    { env: { ...process.env, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder } });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (d) => { log += d; });
  const ended = new Promise((resolve) => child.on('exit', resolve));
  t.after(() => { child.kill('SIGTERM'); return ended; });
  await eventually(() => {
    if (child.exitCode !== null) throw new Error(`${program} ended:\n${log}`);
    return accepts(port);
  }, { what: `${front.name} listening` });
  return port;
}
