// A simulated Meta with many accounts, and the workspaces that link them, made as `hudhud` commands
// make them: through the control socket of the running server.
import http from 'node:http';

export const TOKEN = 'EAABenchTokenOfTheSimulator';
const FIRST_ACCOUNT = 102290129340398;
const FIRST_NUMBER = 106540352242922;
const LINKS_AT_ONCE = 8;
const LIFTED = ['GET /waba-numbers', 'DELETE /waba-numbers/{id}', 'POST /waba-numbers'];
const PLENTY = 2000000000; // calls an hour: the simulator throttles as Meta does

export const accountId = (i) => String(FIRST_ACCOUNT + i);

// sizes[i]: the numbers of account i.
export function scenario(sizes) {
  let next = 0;
  const number = () => {
    const i = next++;
    return {
      id: String(FIRST_NUMBER + i),
      display_phone_number: `+966 5${String(i).padStart(8, '0')}`,
      verified_name: i % 2 ? `Shop ${i}` : `متجر ${i}`,
      quality_rating: 'GREEN',
      status: 'CONNECTED',
    };
  };
  return JSON.stringify({
    app: { id: '670843887433847', name: 'Benchmark' },
    limits: { calls: PLENTY, active_calls: PLENTY, app_calls: PLENTY },
    tokens: [{ token: TOKEN }],
    accounts: sizes.map((size, i) => ({
      id: accountId(i), name: `Account ${i}`, numbers: Array.from({ length: size }, number),
    })),
  });
}

export class Control {
  constructor(socketPath) {
    this.agent = new http.Agent({ keepAlive: true, maxSockets: LINKS_AT_ONCE });
    this.socketPath = socketPath;
  }

  // One /admin request -> the `data` of its answer; throws when it is refused.
  request(method, path, body) {
    const text = JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const request = http.request({
        socketPath: this.socketPath, agent: this.agent, method, path: `/admin${path}`,
        headers: { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) },
      }, (response) => {
        const parts = [];
        response.on('data', (part) => parts.push(part));
        response.on('end', () => {
          const answer = Buffer.concat(parts).toString();
          if (response.statusCode < 300) resolve(JSON.parse(answer).data);
          else reject(new Error(`${method} ${path}: ${response.statusCode} ${answer}`));
        });
      });
      request.on('error', reject);
      request.end(text);
    });
  }

  // Calls are counted as ever, and the limit is never reached. A version without plans has none.
  async liftLimits(domain) {
    const limits = Object.fromEntries(LIFTED.map((endpoint) => [endpoint, '16777215/min']));
    await this.request('PUT', `/workspaces/${domain}/plan`, { limits }).catch((error) => {
      if (!/: 40[45] /.test(error.message)) throw error;
    });
  }

  // A workspace with one client and account i linked -> the client's {client_id, hmac_secret}.
  async createWorkspace(i) {
    const domain = `bench-${i}`;
    await this.request('POST', '/workspaces', { name: `Bench ${i}`, domain });
    const client = await this.request('POST', `/workspaces/${domain}/clients`, { name: 'bench' });
    await this.liftLimits(domain);
    await this.request('POST', `/workspaces/${domain}/waba-numbers`,
      { waba_id: accountId(i), access_token: TOKEN });
    return { domain, ...client };
  }

  // Workspaces first..last, several at a time.
  async createWorkspaces(first, last) {
    let next = first;
    const worker = async () => {
      while (next <= last) await this.createWorkspace(next++);
    };
    await Promise.all(Array.from({ length: LINKS_AT_ONCE }, worker));
  }

  close() {
    this.agent.destroy();
  }
}
