// What a Graph API can do wrong, and what becomes of it here: a clear answer, nothing lost, and no
// account that suffers for another.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { liftLimits } from './lib/hudhud.mjs';
import { eventually, scenarioOf, startWorld } from './lib/world.mjs';

const faults = [
  ['html', 502, 'upstream_error'],
  ['half_json', 502, 'upstream_error'],
  ['wrong_types', 502, 'upstream_error'],
  ['endless_pages', 502, 'upstream_error'],
  ['huge', 502, 'upstream_error'],
  ['cut', 503, 'service_unavailable'],
  ['status_5xx', 503, 'service_unavailable'],
  ['throttle', 503, 'service_unavailable'],
];

test('each fault on a sync by hand: its clear answer, and the numbers stay as they were', async (t) => {
  const world = await startWorld(t, { args: ['--graph-timeout', '5s'] });
  const before = (await world.call('GET', '/waba-numbers')).json;
  for (const [kind, status, error] of faults) {
    if (kind === 'throttle') continue; // which outlasts the fault: see below
    await world.sim.putFaults([{ kind, match: { path_contains: 'phone_numbers' } }]);
    const answer = await world.call('POST', '/waba-numbers/1/sync');
    assert.equal(answer.status, status, `${kind}: ${answer.text}`);
    assert.equal(answer.json.error, error, kind);
    assert.ok(answer.json.message.length > 20, answer.json.message);
    if (status === 503) assert.match(answer.headers.get('retry-after'), /^\d+$/);
    assert.deepEqual((await world.call('GET', '/waba-numbers')).json, before, kind);
  }
  const memory = () => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${world.server.pid}/status`))[1]);
  if (!process.env.HUDHUD_SANITIZED) assert.ok(memory() < 100 * 1024, `${memory()} KiB at the most`);
  await world.sim.clearFaults();
  assert.equal((await world.call('POST', '/waba-numbers/1/sync')).status, 200);
});

test('each fault while an account is linked: nothing is kept', async (t) => {
  const world = await startWorld(t, { link: false, args: ['--graph-timeout', '5s'] });
  for (const where of ['phone_numbers', 'message_templates', 'subscribed_apps']) {
    for (const [kind, status] of faults) {
      if (where !== 'phone_numbers' && kind === 'endless_pages') continue;
      if (where === 'subscribed_apps' && kind === 'wrong_types') continue;
      await world.sim.putFaults([{ kind, match: { path_contains: where } }]);
      const answer = await world.link();
      assert.equal(answer.status, status, `${where} ${kind}: ${answer.text}`);
      assert.equal((await world.call('GET', '/waba-numbers')).status, 404);
    }
  }
  await world.sim.clearFaults();
  assert.equal((await world.link()).status, 201);
});

test('a slow Meta is given up after graph-timeout, and other calls do not wait', async (t) => {
  const world = await startWorld(t, { args: ['--graph-timeout', '1s'] });
  await world.sim.putFaults([{ kind: 'latency', ms: 5000 }]);
  const begun = Date.now();
  const slow = world.call('POST', '/waba-numbers/1/sync');
  const list = await world.call('GET', '/waba-numbers');
  assert.equal(list.status, 200);
  assert.ok(Date.now() - begun < 900, 'a read waits for nobody');
  assert.equal((await slow).status, 503);
  assert.ok(Date.now() - begun < 4500);
});

test('one broken account holds back no other', async (t) => {
  const scenario = scenarioOf([{ id: '100' }]);
  const other = scenarioOf([{ id: '200' }], { waba: '901' });
  scenario.accounts.push({ ...other.accounts[0], templates: [] });
  scenario.tokens[0].accounts.push('901');
  const world = await startWorld(t, {
    sim: { scenario }, args: ['--sync-interval', '1s', '--graph-timeout', '20s'],
  });
  assert.equal((await world.link('901')).status, 201);
  await world.sim.putFaults([{ kind: 'latency', ms: 15000, match: { account: '900' } }]);
  await world.sim.patchNumber('200', { quality_rating: 'YELLOW' });
  await eventually(async () =>
    (await world.call('GET', '/waba-numbers/200')).json.data.quality_rating === 'YELLOW');
  await world.sim.patchNumber('200', { quality_rating: 'RED' });
  await eventually(async () =>
    (await world.call('GET', '/waba-numbers/200')).json.data.quality_rating === 'RED');
});

test('numbers that Meta does not confirm become stale', async (t) => {
  const world = await startWorld(t, { args: ['--sync-interval', '1s'] });
  assert.equal((await world.call('GET', '/waba-numbers/1')).json.data.health.stale, false);
  await world.sim.putFaults([{ kind: 'status_5xx' }]);
  await eventually(async () => (await world.call('GET', '/waba-numbers/1')).json.data.health.stale);
});

test('a throttled account is asked again only when Meta allows it', async (t) => {
  const world = await startWorld(t, { args: ['--sync-interval', '1s'] });
  await world.sim.putFaults([{ kind: 'throttle' }]);
  await eventually(async () => world.server.log().includes('outcome=throttled'));
  await world.sim.clearRequests();
  await new Promise((resolve) => setTimeout(resolve, 4000));
  assert.equal((await world.sim.requests()).length, 0);
});

test('nor does a sync by hand ask while Meta throttles', async (t) => {
  const world = await startWorld(t);
  await world.sim.putFaults([{ kind: 'throttle', minutes: 10, times: 1 }]);
  const first = await world.call('POST', '/waba-numbers/1/sync');
  assert.equal(first.status, 503);
  assert.equal(first.headers.get('retry-after'), '600');
  await world.sim.clearRequests();
  for (let i = 0; i < 3; i++) {
    const again = await world.call('POST', '/waba-numbers/2/sync');
    assert.equal(again.status, 503);
    assert.ok(Number(again.headers.get('retry-after')) > 500);
  }
  assert.equal((await world.sim.requests()).length, 0);
  const linked = await world.call('POST', '/waba-numbers',
    { waba_id: world.sim.wabaId, access_token: world.sim.token, replace: true });
  assert.equal(linked.status, 201);
  assert.equal((await world.call('POST', '/waba-numbers/1/sync')).status, 200);
});

test('more accounts than places: each has its turn', async (t) => {
  const scenario = scenarioOf([{ id: '10000' }], { templates: 0 });
  for (let i = 1; i < 150; i++) {
    const { accounts: [account] } = scenarioOf([{ id: String(10000 + i) }],
      { waba: String(900 + i), templates: 0 });
    scenario.accounts.push(account);
    scenario.tokens[0].accounts.push(account.id);
  }
  const world = await startWorld(t, { sim: { scenario }, args: ['--sync-interval', '1s'] });
  await liftLimits(world.data, 'acme');
  for (let i = 1; i < 150; i++) assert.equal((await world.link(String(900 + i))).status, 201);
  await world.sim.putFaults([{ kind: 'latency', ms: 250 }]);
  await world.sim.clearRequests();
  await eventually(async () => {
    const asked = (await world.sim.requests()).map((r) => r.path.split('/')[2]);
    return new Set(asked).size === 150;
  }, { timeout: 20000, what: 'a question about every account' });
});

test('SIGTERM while Meta is slow and syncs wait for their turn', async (t) => {
  const world = await startWorld(t, { args: ['--drain-timeout', '1s'] });
  await world.sim.putFaults([{ kind: 'latency', ms: 8000 }]);
  const waiting = [1, 2, 3].map(() => world.call('POST', '/waba-numbers/1/sync').catch(() => null));
  await new Promise((resolve) => setTimeout(resolve, 500));
  const begun = Date.now();
  assert.equal((await world.server.stop()).status, 0);
  assert.ok(Date.now() - begun < 6000, `${Date.now() - begun} ms`);
  await Promise.all(waiting);
});

test('the more of Meta\'s quota is used, the rarer an account is asked', async (t) => {
  const scenario = scenarioOf([{ id: '890' }]);
  // A link takes four calls and a sync three: the first sync uses the quota up to its last call.
  scenario.limits = { calls: 7, active_calls: 7, app_calls: 100000, window_s: 3600 };
  const world = await startWorld(t, { sim: { scenario }, args: ['--sync-interval', '1s'] });
  await eventually(async () => (await world.sim.requests()).length >= 7);
  await world.sim.clearRequests();
  await new Promise((resolve) => setTimeout(resolve, 4000));
  assert.equal((await world.sim.requests()).length, 0, 'eight intervals apart, not one');
  assert.ok(!world.server.log().includes('throttled'), 'and so it was not throttled');
});
