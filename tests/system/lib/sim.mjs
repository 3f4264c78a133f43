// Starts `hudhud sim` for a test and speaks to it: its Graph API at `url`, its control API through
// the functions below. The binary is the one the environment variable HUDHUD names.
//
//   const sim = await startSim({ numbers: 5 });          // the demo scenario
//   const sim = await startSim({ scenario: { ... } });   // or one of your own
//   t.after(() => sim.stop());
//
// sim.url, sim.port      where it listens: "http://127.0.0.1:PORT"
// sim.wabaId, sim.token  the first account of the scenario and the first token
// sim.graph(path, ...)   one Graph request with that token
// sim.control(...)       one control request; throws when it is refused
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const READY_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 10_000;
const READY = /^hudhud sim: ready on (http:\/\/127\.0\.0\.1:(\d+))/m;

export function binary() {
  if (!process.env.HUDHUD)
    throw new Error('set HUDHUD to the path of the hudhud binary, as ctest does');
  return process.env.HUDHUD;
}

// Resolves with the match of the ready line; rejects when the process ends or says nothing.
function waitUntilReady(child, log) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`hudhud sim is not ready after ${READY_TIMEOUT_MS} ms:\n${log.text}`)),
      READY_TIMEOUT_MS);
    child.stderr.on('data', (chunk) => {
      log.text += chunk;
      const match = READY.exec(log.text);
      if (match) {
        clearTimeout(timer);
        resolve(match);
      }
    });
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      reject(new Error(`hudhud sim ended with ${signal ?? code}:\n${log.text}`));
    });
  });
}

function stopper(child, folder) {
  let stopped;
  const exited = new Promise((resolve) =>
    child.once('exit', (code, signal) => resolve({ code, signal })));
  return () => (stopped ??= (async () => {
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    child.kill('SIGTERM');
    const how = await exited;
    clearTimeout(timer);
    if (folder) await rm(folder, { recursive: true, force: true });
    return how; // { code: 0, signal: null } when it stopped as it should
  })());
}

// Options: `numbers` (size of the demo scenario) or `scenario` (an object, written to a file for it,
// or the path of one). Never both. `args` are further ones of the command line.
export async function startSim({ numbers, scenario, listen = '127.0.0.1:0', args: more = [] } = {}) {
  const args = ['sim', '--listen', listen, ...more];
  let folder;
  if (numbers !== undefined) args.push('--numbers', String(numbers));
  if (typeof scenario === 'string') args.push('--scenario', scenario);
  if (typeof scenario === 'object') {
    folder = await mkdtemp(join(tmpdir(), 'hudhud-sim-'));
    await writeFile(join(folder, 'scenario.json'), JSON.stringify(scenario));
    args.push('--scenario', join(folder, 'scenario.json'));
  }
  const child = spawn(binary(), args, { stdio: ['ignore', 'ignore', 'pipe'] });
  child.stderr.setEncoding('utf8');
  const log = { text: '' };
  const stop = stopper(child, folder);
  let url, port;
  try {
    const match = await waitUntilReady(child, log);
    [url, port] = [match[1], Number(match[2])];
  } catch (error) {
    if (child.exitCode === null && child.signalCode === null && child.pid) await stop();
    throw error;
  }
  const sim = { url, port, pid: child.pid, stop, log: () => log.text, ...controls(url) };
  const state = await sim.scenario();
  sim.wabaId = state.accounts[0]?.id;
  sim.token = state.tokens[0]?.token;
  sim.graph = (path, options = {}) => graph(url, path, { token: sim.token, ...options });
  return sim;
}

// One Graph request: { status, headers, text, json }. `path` is such as "/v25.0/123/phone_numbers".
// `token: null` sends none; `query` is an object, `body` is sent as JSON.
export async function graph(url, path, { token, method = 'GET', query, body, headers = {} } = {}) {
  const target = new URL(url + path);
  for (const [name, value] of Object.entries(query ?? {})) target.searchParams.append(name, value);
  const response = await fetch(target, {
    method,
    headers: {
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...(body !== undefined ? { 'content-type': 'application/json' } : {}),
      ...headers,
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  let json;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined; // not JSON: the caller looks at text
  }
  return { status: response.status, headers: response.headers, text, json };
}

// The control API, docs/simulator.md. Ids go into the path as they are; a token is encoded.
function controls(url) {
  const control = async (method, path, body) => {
    const answer = await graph(url, `/_sim${path}`, { method, body });
    if (answer.status !== 200)
      throw new Error(`${method} /_sim${path}: ${answer.status} ${answer.text}`);
    return answer.json;
  };
  return {
    control,
    scenario: () => control('GET', '/scenario'),
    putScenario: (scenario) => control('PUT', '/scenario', scenario),
    reset: () => control('POST', '/reset'),
    patchAccount: (id, fields) => control('PATCH', `/accounts/${id}`, fields),
    addNumber: (wabaId, number) => control('POST', `/accounts/${wabaId}/numbers`, number),
    patchNumber: (id, fields) => control('PATCH', `/numbers/${id}`, fields),
    deleteNumber: (id) => control('DELETE', `/numbers/${id}`),
    addTemplate: (wabaId, template) => control('POST', `/accounts/${wabaId}/templates`, template),
    patchTemplate: (id, fields) => control('PATCH', `/templates/${id}`, fields),
    deleteTemplate: (id) => control('DELETE', `/templates/${id}`),
    patchToken: (token, fields) =>
      control('PATCH', `/tokens/${encodeURIComponent(token)}`, fields),
    patchApp: (fields) => control('PATCH', '/app', fields),
    postWebhooks: (what) => control('POST', '/webhooks', what),
    webhooks: () => control('GET', '/webhooks'), // { total, pending, skipped, why, data }, oldest first
    clearWebhooks: () => control('DELETE', '/webhooks'),
    putFaults: (faults) => control('PUT', '/faults', faults),
    clearFaults: () => control('DELETE', '/faults'),
    requests: async () => (await control('GET', '/requests')).data, // oldest first
    clearRequests: () => control('DELETE', '/requests'),
  };
}
