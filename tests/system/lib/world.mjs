// A whole small world for a test: a simulator, a data folder with a workspace and a client, and a
// server; and the few calls that most tests make.
import { call, initFolder, runOk, startServe, unlimitedPlan } from './hudhud.mjs';
import { startSim } from './sim.mjs';
import { admin } from './wire.mjs';

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Asks again every `pause` ms until `check` returns something true -> that; throws after `timeout` ms.
export async function eventually(check, { timeout = 10000, pause = 50, what = 'the condition' } = {}) {
  const end = Date.now() + timeout;
  for (;;) {
    const value = await check();
    if (value) return value;
    if (Date.now() > end) throw new Error(`${what} did not come true in ${timeout} ms`);
    await sleep(pause);
  }
}

// As createClient(), of a server that runs: with a request for each step in place of a command, which
// is a process and, in PostgreSQL, one more for each of its connections.
async function createServedClient(data, domain, { name, limits }) {
  const make = async (method, where, body) => {
    const { text, json } = await admin(data, method, where, body);
    if (json.status !== true) throw new Error(`${method} ${where}: ${text}`);
    return json.data;
  };
  await make('POST', '/workspaces', { domain, name });
  if (!limits) await make('PUT', `/workspaces/${domain}/plan`, await unlimitedPlan());
  const client = await make('POST', `/workspaces/${domain}/clients`, { name: 'test' });
  return { domain, clientId: client.client_id, secret: client.hmac_secret };
}

// t: the test's context, for cleaning up. Options: sim (for startSim), args (for hudhud serve),
// listen (for hudhud serve), link (false: no account is linked), domain, limits (true: the default
// plan's).
export async function startWorld(t, { sim: simOptions = { numbers: 5 }, args = [], listen, link = true,
  domain = 'acme', limits = false } = {}) {
  const sim = await startSim(simOptions);
  t.after(() => sim.stop());
  const data = await initFolder();
  let server = await startServe({ data, graphUrl: sim.url, args, listen });
  t.after(() => server.stop());
  const creds = await createServedClient(data, domain, { name: 'متجر الهدهد', limits });
  const world = {
    sim, data, creds,
    get server() { return server; },
    get url() { return server.url; },
    call: (method, path, body, headers) =>
      call(server.url, method, path, creds, {
        body: body === undefined || typeof body === 'string' ? body : JSON.stringify(body), headers,
      }),
    link: (wabaId = sim.wabaId, token = sim.token) =>
      world.call('POST', '/waba-numbers', { waba_id: wabaId, access_token: token }),
    cli: (line, options) => runOk([...line, '--data', data], options),
    restart: async (more = args) => {
      await server.stop();
      server = await startServe({ data, graphUrl: sim.url, args: more, listen });
    },
  };
  if (link) {
    const answer = await world.link();
    if (answer.status !== 201) throw new Error(`linking: ${answer.status} ${answer.text}`);
  }
  return world;
}

// A scenario of one account with these numbers; each is {id, ...} and gets the rest.
export function scenarioOf(numbers, { templates = 3, token = 'EAAtesttoken', waba = '900' } = {}) {
  return {
    app: { id: '670843887433847', name: 'Test', secret: '0123456789abcdef0123456789abcdef' },
    tokens: [{ token, accounts: [waba] }],
    accounts: [{
      id: waba,
      name: 'Test account',
      numbers: numbers.map((n, i) => ({
        display_phone_number: `+966 50 000 ${String(1000 + i)}`,
        verified_name: `Number ${i}`,
        quality_rating: 'GREEN',
        status: 'CONNECTED',
        ...n,
      })),
      templates: Array.from({ length: templates }, (_, i) => ({
        id: `77${i}`, name: `template_${i}`, language: 'ar', status: 'APPROVED', category: 'UTILITY',
      })),
    }],
  };
}
