// node compare.mjs OLD NEW: what a signed GET costs with two hudhud programs. They are measured in
// short turns, one right after the other, so that what else the machine does befalls both alike; the
// ratio of each pair is taken, and of those the middle one.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { measure } from './measure.mjs';
import { stopAll } from './servers.mjs';
import { NUMBERS, signedHeaders, startMeta, startServer, WRK_CORE } from './world.mjs';

const PAIRS = 11;
const SECONDS = 2;

const programs = process.argv.slice(2, 4).map((program) => path.resolve(program));
if (programs.length !== 2) {
  console.error('usage: node compare.mjs OLD NEW');
  process.exit(2);
}
const folder = mkdtempSync(path.join(tmpdir(), 'hudhud-compare-'));
const middle = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

async function compare() {
  const meta = await startMeta(programs[1], folder, [NUMBERS, NUMBERS]);
  const servers = [];
  for (const [i, program] of programs.entries()) {
    const server = await startServer(program, path.join(folder, String(i)), meta, ['--threads', '1']);
    servers.push({ ...server, client: await server.control.createWorkspace(i), cpu: [] });
  }
  for (let pair = 0; pair < PAIRS; pair++) {
    const turn = pair % 2 ? [...servers].reverse() : servers;
    for (const server of turn) {
      const headers = signedHeaders(server.client);
      const { cpu } = await measure({ ...server, headers, core: WRK_CORE },
        { seconds: SECONDS, warmUp: 1 });
      server.cpu.push(cpu);
    }
  }
  const [old, now] = servers.map((server) => server.cpu);
  const ratio = middle(now.map((cpu, i) => cpu / old[i]));
  console.log(`CPU us per signed GET, middle of ${PAIRS}: old ${middle(old).toFixed(2)}, ` +
    `new ${middle(now).toFixed(2)}; new / old, middle of the pairs: ${ratio.toFixed(3)}`);
  servers.forEach((server) => server.control.close());
}

try {
  await compare();
} finally {
  await stopAll();
  rmSync(folder, { recursive: true, force: true });
}
