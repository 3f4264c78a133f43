// A server of ours to be measured: a simulated Meta, a data folder, and workspaces whose limits are
// counted but never reached.
import { execFileSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Control, scenario } from './seed.mjs';
import { start } from './servers.mjs';

export const SERVER_CORE = '0';
export const WRK_CORE = '1';
export const BASE = '/api/developer';
export const CALL = '/waba-numbers';
export const NUMBERS = 5;

// Good for 300 seconds: made anew for each round.
export function signedHeaders({ domain, client_id: clientId, hmac_secret: secret },
  { method = 'GET', target = CALL, body = '' } = {}) {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const hmac = createHmac('sha256', secret).update(method + target + timestamp + body).digest('hex');
  return {
    Accept: 'application/json',
    'X-Awal-Signature-256': `sha256=${hmac}`,
    'X-Timestamp': timestamp,
    'X-Domain': domain,
    'X-Client-ID': clientId,
  };
}

// A script for wrk that gives each request an Idempotency-Key of its own -> its path.
export function newKeys(folder) {
  const file = path.join(folder, 'keys.lua');
  writeFileSync(file, `local n = 0
function request()
  n = n + 1
  wrk.headers["Idempotency-Key"] = "${Date.now()}-" .. n .. "-" .. tostring(wrk.thread)
  return wrk.format("DELETE")
end
`);
  return file;
}

// sizes: of the accounts that Meta has -> the simulator's address.
export async function startMeta(hudhud, folder, sizes) {
  const file = path.join(folder, 'scenario.json');
  writeFileSync(file, scenario(sizes));
  const { match } = await start(hudhud,
    ['sim', '--listen', '127.0.0.1:0', '--scenario', file, '--quiet'],
    { ready: /ready on (http:\/\/[\d.:]+)/, core: WRK_CORE });
  return match[1];
}

// -> {pid, origin, url (of CALL), control}. `folder` is made. args: of hudhud serve; init: of hudhud
// init, or null where the folder is there already; core: where it runs.
export async function startServer(hudhud, folder, meta, args = [], init = [], core = SERVER_CORE) {
  mkdirSync(folder, { recursive: true });
  const data = path.join(folder, 'data');
  if (init) execFileSync(hudhud, ['init', '--data', data, ...init]);
  const { pid, match } = await start(hudhud,
    ['serve', '--data', data, '--listen', '127.0.0.1:0', '--graph-url', meta, ...args],
    { ready: /ready on (https?):\/\/127\.0\.0\.1:(\d+)/, core });
  const origin = `${match[1]}://127.0.0.1:${match[2]}`;
  const control = new Control(path.join(data, 'control.sock'));
  return { pid, origin, url: origin + BASE + CALL, control };
}
