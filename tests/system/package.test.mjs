// What the Debian package installs beside the program: units that systemd takes, and a configuration
// that says the truth about this very binary.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { binary, runJson, runOk, runProgram, temporaryFolder } from './lib/hudhud.mjs';

const root = path.resolve(import.meta.dirname, '../..');
const EXPOSURE_MAX = 1.5; // of 10; systemd calls up to 2 "OK", and most services have over 9

const unit = (name) => readFileSync(path.join(root, 'packaging/systemd', name), 'utf8');

// The units, with this binary in place of the installed one -> the paths of the copies.
function copyUnits() {
  const folder = temporaryFolder();
  return ['hudhud.service', 'hudhud.socket'].map((name) => {
    const file = path.join(folder, name);
    writeFileSync(file, unit(name).replaceAll('/usr/bin/hudhud', binary));
    return file;
  });
}

// systemd-analyze ARGS, or null where there is none (a container has no systemd).
async function analyze(t, args) {
  try {
    return await runProgram('systemd-analyze', args);
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    t.diagnostic('NOT CHECKED: there is no systemd-analyze here');
    return null;
  }
}

test('systemd finds no fault with the units', async (t) => {
  const result = await analyze(t, ['verify', ...copyUnits()]);
  if (!result) return;
  assert.equal(result.status, 0, result.stderr);
  const ours = result.stderr.split('\n').filter((line) => line.includes('hudhud'));
  assert.deepEqual(ours, []);
});

test('the service is exposed to little', async (t) => {
  const [service] = copyUnits();
  const result = await analyze(t, ['security', '--offline=true', service]);
  if (!result) return;
  const exposure = Number(/exposure level for hudhud\.service: ([\d.]+)/.exec(result.stdout)[1]);
  t.diagnostic(`exposure ${exposure} of 10`);
  assert.ok(exposure <= EXPOSURE_MAX, result.stdout);
});

test('systemd waits longer than the server drains', async () => {
  const settings = await runJson(['serve', '--print-config']);
  const drain = settings.find(({ name }) => name === 'drain-timeout').value;
  const stop = Number(/^TimeoutStopSec=(\d+)$/m.exec(unit('hudhud.service'))[1]);
  assert.ok(stop > parseInt(drain, 10), `TimeoutStopSec=${stop}, drain-timeout=${drain}`);
});

test('the installed configuration names every setting, and its default', async () => {
  const settings = await runJson(['serve', '--print-config']);
  const { stdout } = await runOk(['serve', '--example-config']);
  const told = [...stdout.matchAll(/^#([a-z_]+) =(?: (.*))?$/gm)].map(([, name, value]) =>
    ({ name: name.replaceAll('_', '-'), value: value ?? null }));
  assert.deepEqual(told, settings.map(({ name, value }) => ({ name, value })));

  const file = path.join(temporaryFolder(), 'hudhud.conf');
  writeFileSync(file, stdout);
  assert.deepEqual(await runJson(['serve', '--config', file, '--print-config']), settings);
});

test('the scripts of the package are whole, and it may own what it names', async () => {
  for (const name of ['postinst', 'prerm', 'postrm']) {
    const result = await runProgram('sh', ['-n', path.join(root, 'packaging/debian', name)]);
    assert.equal(result.status, 0, result.stderr);
  }
  const user = /^User=(.*)$/m.exec(unit('hudhud.service'))[1];
  assert.match(unit('hudhud.sysusers'), new RegExp(`^u ${user} `, 'm'));
});
