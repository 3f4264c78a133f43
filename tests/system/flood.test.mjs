// A good client among bad ones: it gets each of its answers, soon, and the server stays small. The
// bounds are wide, for a busy machine; tests/bench/flood.mjs measures the same on a quiet one.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { openIdle, startFlood } from './lib/crowd.mjs';
import { sign } from './lib/hudhud.mjs';
import { sleep, startWorld } from './lib/world.mjs';

const IDLE = 2000;
const CALLS = 150; // under the limit of 200 a minute
const PAUSE_MS = 30;
const P99_MAX_MS = 2000;
const IDLE_KIB_MAX = 12; // of one connection: half of a header takes some 6
const FLOOD_MIB_MAX = 24;

const residentMiB = (pid) =>
  Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))[1]) / 1024;

// Every third says nothing, every third half a request line, every third a header without its end.
const half = (i) => ['', 'GET /api/dev', 'GET /api/developer/waba-numbers HTTP/1.1\r\nHost: x\r\n'][i % 3];

test('a good client among 2,000 idle connections and a flood of bad signatures', async (t) => {
  const world = await startWorld(t);
  const { port, pid } = world.server;
  const first = (await world.call('GET', '/waba-numbers')).text;
  const before = residentMiB(pid);

  const idle = await openIdle(port, IDLE, { bytes: half });
  t.after(() => idle.close());
  const withIdle = residentMiB(pid);
  const headers = sign('GET', '/waba-numbers', '', { ...world.creds, secret: 'wrong' });
  const flood = startFlood(port, { path: '/api/developer/waba-numbers', headers });

  const took = [];
  for (let i = 0; i < CALLS; i++) {
    const began = performance.now();
    const answer = await world.call('GET', '/waba-numbers');
    took.push(performance.now() - began);
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.text, first);
    await sleep(PAUSE_MS);
  }
  const answers = await flood.stop();
  const after = residentMiB(pid);
  const p99 = took.sort((a, b) => a - b)[Math.floor(took.length * 0.99)];
  t.diagnostic(`good client: p99 ${p99.toFixed(1)} ms; flood: ${JSON.stringify(answers)}`);
  t.diagnostic(`resident: ${before.toFixed(1)} MiB, with idle ones ${withIdle.toFixed(1)}, ` +
    `at the end ${after.toFixed(1)}`);

  assert.ok(p99 < P99_MAX_MS, `p99 ${p99} ms`);
  for (const status of Object.keys(answers)) assert.ok(['401', '429'].includes(status), answers);
  if (!process.env.HUDHUD_SANITIZED) {
    assert.ok(withIdle - before < IDLE * IDLE_KIB_MAX / 1024, `${withIdle} MiB`);
    assert.ok(after - withIdle < FLOOD_MIB_MAX, `${after} MiB`);
  }
});
