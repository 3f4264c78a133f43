// The commands, as a person or a script meets them: through the real binary.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  call, createClient, initFolder, run, runJson, runOk, runProgram, sign, startServe, storeKind,
  temporaryFolder,
} from './lib/hudhud.mjs';
import { binary, startSim } from './lib/sim.mjs';
import { spoilStore, storeText } from './lib/store.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const NOWHERE = 'http://127.0.0.1:9'; // nothing listens on the discard port
const variables = (url, creds) => ({
  HUDHUD_URL: url,
  HUDHUD_DOMAIN: creds.domain,
  HUDHUD_CLIENT_ID: creds.clientId,
  HUDHUD_SECRET: creds.secret,
});

describe('help', () => {
  test('every command explains itself with an example', async () => {
    const { stdout } = await runOk(['help']);
    const commands = [...stdout.matchAll(/^ {2}(\S+(?: \S+)?) {2,}\S/gm)].map((m) => m[1]);
    assert.ok(commands.includes('number link') && commands.length >= 20, stdout);
    for (const command of commands) {
      const help = await run([...command.split(' '), '--help']);
      assert.equal(help.status, 0, command);
      assert.equal(help.stderr, '');
      assert.match(help.stdout, new RegExp(`^usage: hudhud ${command}\\b`, 'm'));
      assert.match(help.stdout, new RegExp(`^example:\\n(.*\\n)*.*hudhud ${command}\\b`, 'm'));
      assert.equal((await runOk(['help', ...command.split(' ')])).stdout, help.stdout);
    }
  });

  test('docs/cli.md holds the help of this very binary', async () => {
    const { stdout } = await runOk(['help', '--markdown']);
    const page = readFileSync(path.join(root, 'docs/cli.md'), 'utf8');
    assert.ok(page.includes(stdout.trim()),
      'bring docs/cli.md up to date with what `hudhud help --markdown` prints');
  });

  test('a group lists its commands', async () => {
    const { stdout } = await runOk(['client', '--help']);
    assert.match(stdout, /client rotate/);
    assert.doesNotMatch(stdout, /number link/);
  });

  test('version', async () => {
    assert.match((await runOk(['version'])).stdout, /^hudhud \d+\.\d+\.\d+\n$/);
    assert.equal((await runOk(['--version'])).stdout, (await runOk(['version'])).stdout);
    assert.match((await runJson(['version'])).version, /^\d+\.\d+\.\d+$/);
  });
});

describe('wrong use exits with 2 and says what was meant', () => {
  const cases = [
    [[], /a command is missing/],
    [['nubmer'], /did you mean "number"\?/],
    [['number', 'lst'], /did you mean "number list"\?/],
    [['number'], /say one of: .*link/],
    [['workspace', 'list', '--jsn'], /did you mean --json\?/],
    [['serve', '--lisen', 'x'], /did you mean --listen\?/],
    [['number', 'list'], /needs --domain/],
    [['number', 'link', '--domain', 'a'], /needs --waba-id/],
    [['workspace', 'create', '--domain', 'a'], /takes NAME, and got 0/],
    [['client', 'rotate', '--domain', 'a', '--overlap', 'soon', 'x'], /--overlap takes a time/],
    [['number', 'history', '--domain', 'a', '--page', '0', '1'], /--page takes a whole number/],
    [['serve', '--threads', 'many'], /threads/],
    [['sim', '--numbers', '-1'], /--numbers takes a whole number/],
    [['help', 'nonsense'], /there is no command/],
  ];
  for (const [args, message] of cases) {
    test(`hudhud ${args.join(' ')}`, async () => {
      const result = await run(args);
      assert.equal(result.status, 2, result.stderr);
      assert.match(result.stderr, /^hudhud: /);
      assert.match(result.stderr, message);
      assert.equal(result.stdout, '');
    });
  }

  test('call and sign name every variable that is missing', async () => {
    const { status, stderr } = await run(['sign', 'GET', '/x'], { env: { HUDHUD_DOMAIN: 'a' } });
    assert.equal(status, 2);
    assert.match(stderr, /HUDHUD_CLIENT_ID, HUDHUD_SECRET/);
    assert.doesNotMatch(stderr, /HUDHUD_DOMAIN/);
  });
});

describe('init', () => {
  test('makes a folder for its user alone, and never overwrites one', async () => {
    const data = await initFolder();
    const mode = (name) => statSync(path.join(data, name)).mode & 0o777;
    assert.equal(mode('.'), 0o700);
    assert.equal(mode('key'), 0o600);
    const key = readFileSync(path.join(data, 'key'), 'utf8');
    const again = await run(['init', '--data', data]);
    assert.equal(again.status, 1);
    assert.match(again.stderr, /^hudhud: cannot make the data folder: /);
    assert.equal(readFileSync(path.join(data, 'key'), 'utf8'), key);
  });

  test('a folder that is not there is named, with what to do', async () => {
    const { status, stderr } = await run(['workspace', 'list', '--data', '/nonexistent/x']);
    assert.equal(status, 1);
    assert.match(stderr, /no data folder \/nonexistent\/x; make it with "hudhud init/);
  });

  test('HUDHUD_DATA names the folder, and --data wins over it', async () => {
    const data = await initFolder();
    await runOk(['workspace', 'list'], { env: { HUDHUD_DATA: data } });
    await runOk(['workspace', 'list', '--data', data], { env: { HUDHUD_DATA: '/nonexistent' } });
  });
});

describe('print-config', () => {
  test('says where each value comes from; a later source wins', async () => {
    const file = path.join(temporaryFolder(), 'hudhud.conf');
    writeFileSync(file, 'threads = 2\ngraph_url = http://from.file\nsync_interval = 1h\n');
    const env = { HUDHUD_CONFIG: file, HUDHUD_GRAPH_URL: 'http://from.env', HUDHUD_THREADS: '3' };
    const config = await runJson(['serve', '--print-config', '--threads', '4'], { env });
    const of = (name) => {
      const { value, source } = config.find((row) => row.name === name);
      return [value, source];
    };
    assert.deepEqual(of('threads'), ['4', 'command line']);
    assert.deepEqual(of('graph-url'), ['http://from.env', 'environment']);
    assert.deepEqual(of('sync-interval'), ['1h', 'file']);
    assert.equal(of('listen')[1], 'default');
    const text = (await runOk(['serve', '--print-config', '--threads', '4'], { env })).stdout;
    for (const { name } of config) assert.match(text, new RegExp(`^${name}\\b`, 'm'));
  });
});

describe('sign', () => {
  const creds = { domain: 'your-workspace', clientId: 'your-client-id', secret: 'your-hmac-secret' };
  const env = variables(NOWHERE, creds);
  const signature = (stdout) => stdout.match(/^X-Awal-Signature-256: (.*)$/m)[1];

  test('the test vectors of the API', async () => {
    const get = await runOk(['sign', '--timestamp', '1704124800', 'GET', '/waba-numbers'], { env });
    assert.equal(get.stdout,
      'X-Awal-Signature-256: ' +
      'sha256=f90b85acf2d2a0d679eb8a4d15824a3517e3b15f1354d22c41f35369813151d9\n' +
      'X-Timestamp: 1704124800\nX-Domain: your-workspace\nX-Client-ID: your-client-id\n');
    const body = '{"phone":"96650000000","body":"Hello"}';
    const post = ['sign', '--timestamp', '1704124800', 'POST',
      '/w/message/text?phone_number_id=123'];
    const wanted = 'sha256=3d3a28eb340079ad838c68984ed0977f001b0f54e5cd6aee42bdbc9561e7170d';
    assert.equal(signature((await runOk([...post, body], { env })).stdout), wanted);
    assert.equal(signature((await runOk([...post, '@-'], { env, input: body })).stdout), wanted);
    const file = path.join(temporaryFolder(), 'body');
    writeFileSync(file, body);
    assert.equal(signature((await runOk([...post, `@${file}`], { env })).stdout), wanted);
    const json = await runJson([...post, body], { env });
    assert.equal(json['X-Awal-Signature-256'], wanted);
  });

  test('agrees with Node for any bytes', async () => {
    for (const body of ['', '{"a":"مرحبا"}', '\0\u0001\n\r', 'x'.repeat(100000)]) {
      const theirs = sign('PUT', '/a%20b/../c?x=1&y=[2]', body, { ...creds, timestamp: 1 });
      const { stdout } = await runOk(
        ['sign', '--timestamp', '1', 'put', '/a%20b/../c?x=1&y=[2]', '@-'], { env, input: body });
      assert.equal(signature(stdout), theirs['X-Awal-Signature-256']);
    }
  });

  test('what cannot be signed is refused', async () => {
    for (const operands of [['G T', '/x'], ['GET', 'x'], ['GET', '/a b'], ['GET', '/a#b']])
      assert.equal((await run(['sign', ...operands], { env })).status, 2, operands.join(' '));
    const newline = { ...env, HUDHUD_DOMAIN: 'a\nX-Evil: b' };
    assert.equal((await run(['sign', 'GET', '/x'], { env: newline })).status, 2);
  });
});

// Ids and secrets are random, times pass: everything else must be the same.
function normalised({ status, stdout, stderr }) {
  const fixed = (text) => text
    .replace(/cl_[a-z0-9]{20}/g, 'CLIENT')
    .replace(/\b[0-9a-f]{64}\b/g, 'SECRET')
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, 'TIME')
    .replace(/"?fbtrace_id"?: ?\S+/g, 'TRACE');
  return { status, stdout: fixed(stdout), stderr: fixed(stderr) };
}

// Every kind of data command, its refusals too.
async function everyCommand(data, sim) {
  const env = { HUDHUD_GRAPH_URL: sim.url };
  const all = [];
  const step = async (args, options = {}) => {
    const result = await run([...args, '--data', data], { env, ...options });
    all.push({ args: args.join(' ').replace(/cl_\w+/, 'CLIENT'), ...normalised(result) });
    return result.stdout;
  };
  await step(['workspace', 'create', 'شركة الهدهد', '--domain', 'acme']);
  await step(['workspace', 'create', 'Again', '--domain', 'acme']);
  await step(['workspace', 'create', 'Bad', '--domain', 'Not A Domain']);
  await step(['workspace', 'rename', '--domain', 'acme', 'Acme "Holding" \\ 1']);
  await step(['workspace', 'list']);
  const made = await step(['client', 'create', '--domain', 'acme', '--name', 'shop', '--json']);
  const id = JSON.parse(made).client_id;
  await step(['client', 'create', '--domain', 'nobody', '--name', 'shop']);
  await step(['client', 'list', '--domain', 'acme', '--json']);
  await step(['client', 'rotate', '--domain', 'acme', '--overlap', '1h', id]);
  await step(['client', 'disable', '--domain', 'acme', id]);
  await step(['client', 'enable', '--domain', 'acme', id]);
  await step(['client', 'disable', '--domain', 'acme', 'cl_none']);
  await step(['client', 'list', '--domain', 'acme']);
  const link = ['number', 'link', '--domain', 'acme', '--waba-id', sim.wabaId];
  await step(['number', 'list', '--domain', 'acme']);
  await step(link, { input: 'EAAGwrongtoken\n' });
  await step(link, { input: '' });
  await step(link, { input: 'two words\n' });
  await step(link, { input: `  ${sim.token}\n` });
  await step(link, { input: sim.token });
  await step([...link, '--replace'], { input: sim.token });
  await step(['number', 'list', '--domain', 'acme']);
  await step(['number', 'show', '--domain', 'acme', '1']);
  await step(['number', 'sync', '--domain', 'acme']);
  await step(['number', 'sync', '--domain', 'acme', '1', '99', '2', '--json']);
  await step(['number', 'history', '--domain', 'acme', '1']);
  await step(['number', 'unlink', '--domain', 'acme', '2']);
  await step(['number', 'unlink', '--domain', 'acme', '2']);
  await step(['number', 'list', '--domain', 'acme', '--json']);
  await step(['workspace', 'disable', '--domain', 'acme']);
  await step(['workspace', 'enable', '--domain', 'acme']);
  await step(['workspace', 'list', '--json']);
  return all;
}

describe('data commands', () => {
  let sim;
  before(async () => { sim = await startSim({ numbers: 3 }); });
  after(() => sim.stop());

  test('do the same with and without a running server', async () => {
    const alone = await everyCommand(await initFolder(), sim);
    const data = await initFolder();
    const server = await startServe({ data, graphUrl: sim.url });
    const served = await everyCommand(data, sim);
    assert.equal((await server.stop()).status, 0);
    assert.deepEqual(alone, served);
    const failed = alone.filter((step) => step.status !== 0);
    assert.equal(failed.length, 10, JSON.stringify(failed, null, 1));
    for (const step of failed) assert.match(step.stderr, /^hudhud: cannot /m);
  });

  test('take turns when no server runs', async () => {
    const data = await initFolder();
    await runOk(['workspace', 'create', 'A', '--domain', 'a', '--data', data]);
    const names = Array.from({ length: 40 }, (_, i) => `client ${i}`);
    await Promise.all(names.map((name) =>
      runOk(['client', 'create', '--domain', 'a', '--name', name, '--data', data])));
    const clients = await runJson(['client', 'list', '--domain', 'a', '--data', data]);
    assert.deepEqual(clients.map((c) => c.name).sort(), names.sort());
  });

  test('keep working while a server starts and stops', async () => {
    const data = await initFolder();
    await runOk(['workspace', 'create', 'A', '--domain', 'a', '--data', data]);
    let failures = 0;
    let stop = false;
    const caller = (async () => {
      while (!stop) {
        const { status, stderr } = await run(['workspace', 'list', '--data', data]);
        // The one thing that may go wrong: the server ends with our call in its hands.
        if (status !== 0) { failures++; assert.match(stderr, /did not answer/); }
      }
    })();
    for (let i = 0; i < 3; i++) {
      let server;
      for (let tries = 0; !server; tries++) {
        try { server = await startServe({ data, graphUrl: sim.url }); } catch (error) {
          if (tries > 20 || !/in use by another/.test(error.message)) throw error;
        }
      }
      assert.equal((await server.stop()).status, 0);
    }
    stop = true;
    await caller;
    assert.ok(failures <= 3, `${failures} calls failed`);
  });

  test('print JSON that a script can take apart', async () => {
    const data = await initFolder();
    const creds = await createClient(data, 'acme');
    assert.match(creds.clientId, /^cl_/);
    assert.match(creds.secret, /^[0-9a-f]{64}$/);
    const [workspace] = await runJson(['workspace', 'list', '--data', data]);
    assert.deepEqual([workspace.domain, workspace.clients, workspace.enabled], ['acme', 1, true]);
    assert.deepEqual(await runJson(['number', 'list', '--domain', 'acme', '--data', data]), []);
  });

  test('show a secret once', async () => {
    const data = await initFolder();
    const { secret } = await createClient(data, 'acme');
    for (const args of [['client', 'list', '--domain', 'acme'], ['workspace', 'list']])
      for (const more of [[], ['--json']]) {
        const { stdout, stderr } = await runOk([...args, ...more, '--data', data]);
        assert.ok(!(stdout + stderr).includes(secret));
      }
    for (const name of readdirSync(data))
      assert.ok(!readFileSync(path.join(data, name)).includes(secret), name);
    assert.ok(!storeText(data).includes(secret));
  });
});

// All command lines and environments of this machine's processes that we may read.
function processTexts() {
  return readdirSync('/proc').filter((n) => /^\d+$/.test(n)).flatMap((pid) =>
    ['cmdline', 'environ'].map((name) => {
      try { return readFileSync(`/proc/${pid}/${name}`, 'latin1'); } catch { return ''; }
    })).join('\n');
}

describe('a token', () => {
  let sim;
  before(async () => { sim = await startSim({ numbers: 1 }); });
  after(() => sim.stop());

  test('is refused on the command line, and not repeated', async () => {
    for (const args of [['--token', 'EAAGsecret'], ['--token=EAAGsecret'], ['--tokn=EAAGsecret'],
      ['EAAGsecret']]) {
      const { status, stderr } = await run(
        ['number', 'link', '--domain', 'a', '--waba-id', '1', ...args]);
      assert.equal(status, 2);
      assert.ok(!stderr.includes('EAAG'), stderr);
    }
  });

  test('is in no output, log, file or list of processes', async () => {
    const data = await initFolder();
    await runOk(['workspace', 'create', 'A', '--domain', 'a', '--data', data]);
    const server = await startServe({ data, graphUrl: sim.url, args: ['--log-level', 'debug'] });
    // A token of this test's own: tests that run beside it may show the demo's.
    const token = `EAA${randomBytes(16).toString('hex')}`;
    const scenario = await sim.scenario();
    await sim.putScenario({
      ...scenario, tokens: [...scenario.tokens, { token, accounts: [sim.wabaId] }],
    });
    await sim.putFaults([{ kind: 'latency', ms: 300 }]);
    const file = path.join(temporaryFolder(), 'token');
    writeFileSync(file, `${token}\n`);
    let seen = '';
    const linking = run(['number', 'link', '--domain', 'a', '--waba-id', sim.wabaId,
      '--token-file', file, '--data', data]);
    const watch = setInterval(() => { seen += processTexts(); }, 50);
    const linked = await linking;
    clearInterval(watch);
    await sim.clearFaults();
    assert.equal(linked.status, 0, linked.stderr);
    const doctor = await run(['doctor', '--data', data]);
    const list = await run(['number', 'list', '--domain', 'a', '--json', '--data', data]);
    await server.stop();
    assert.ok(seen.includes(sim.wabaId), 'the watch saw the command');
    const texts = { seen, linked: linked.stdout + linked.stderr, log: server.log(),
      doctor: doctor.stdout + doctor.stderr, list: list.stdout, store: storeText(data) };
    for (const [name, text] of Object.entries(texts)) assert.ok(!text.includes(token), name);
    for (const name of readdirSync(data))
      if (statSync(path.join(data, name)).isFile())
        assert.ok(!readFileSync(path.join(data, name)).includes(token), name);
  });

  test('typed at a terminal is not shown there', { skip: !existsSync('/usr/bin/script') }, async () => {
    const data = await initFolder();
    await runOk(['workspace', 'create', 'A', '--domain', 'a', '--data', data]);
    const line = `'${binary()}' number link --domain a --waba-id ${sim.wabaId} --data '${data}'`;
    const result = await terminal(line, [/Access token/, `${sim.token}\r`],
      { HUDHUD_GRAPH_URL: sim.url });
    assert.match(result.text, /Access token \(it is not shown\): /);
    assert.ok(!result.text.includes(sim.token.slice(0, 8)), result.text);
    assert.match(result.text, /CONNECTED/);
    assert.match(result.text, /\u2068[^\u2069]*\p{Script=Arabic}[^\u2069]*\u2069/u);
    const cancelled = await terminal(line, [/Access token/, 'EAAG\u0003']);
    assert.match(cancelled.text, /cancelled/);
    assert.ok(!cancelled.text.includes('EAAG'));
  });
});

// Runs a line of shell on a pseudo-terminal, typing once the prompt is there.
async function terminal(line, [prompt, keys] = [], env = {}) {
  const child = spawn('script', ['-qec', line, '/dev/null'],
    { env: { ...process.env, HUDHUD: '', TERM: 'xterm', ...env } });
  let text = '';
  let typed = false;
  child.stdout.on('data', (d) => {
    text += d;
    if (prompt && !typed && prompt.test(text)) { typed = true; child.stdin.write(keys); }
  });
  const status = await new Promise((resolve) => child.on('close', resolve));
  return { status, text };
}

describe('call', () => {
  let sim, server, creds, env;
  before(async () => {
    sim = await startSim({ numbers: 2 });
    const data = await initFolder();
    server = await startServe({ data, graphUrl: sim.url });
    creds = await createClient(data, 'acme');
    env = variables(server.url, creds);
    await runOk(['number', 'link', '--domain', 'acme', '--waba-id', sim.wabaId, '--data', data],
      { input: sim.token });
  });
  after(async () => { await server.stop(); await sim.stop(); });

  test('prints what came, byte for byte, into a pipe', async () => {
    const theirs = await call(server.url, 'GET', '/waba-numbers', creds);
    assert.equal(theirs.status, 200);
    const ours = await runOk(['call', 'GET', '/waba-numbers'], { env });
    assert.equal(ours.stdout, theirs.text);
    assert.equal(ours.stderr, '');
    const other = { ...env, HUDHUD_URL: `${server.url}/api/v1/developer/` };
    assert.equal((await runOk(['call', 'get', '/waba-numbers'], { env: other })).stdout, theirs.text);
    const full = await runOk(['call', 'GET', '/api/developer/waba-numbers'], { env });
    assert.equal(full.stdout, theirs.text);
  });

  test('indents JSON on a terminal', { skip: !existsSync('/usr/bin/script') }, async () => {
    const { text } = await terminal(`'${binary()}' call GET /waba-numbers`, [], env);
    assert.match(text, /^\{\r\n {2}"status": true,/);
  });

  test('-i shows status and headers', async () => {
    const { stdout } = await runOk(['call', '-i', 'GET', '/waba-numbers?include=health'], { env });
    assert.match(stdout, /^HTTP\/1\.1 200 OK\r\n/);
    assert.match(stdout, /^X-Request-Id: req_/im);
    assert.match(stdout, /\r\n\r\n\{"status":true/);
  });

  test('an answer that is an error fails, with the answer on stdout', async () => {
    const none = await run(['call', 'GET', '/waba-numbers/999'], { env });
    assert.equal(none.status, 1);
    assert.equal(JSON.parse(none.stdout).error, 'resource_not_found');
    assert.match(none.stderr, /answered with 404 resource_not_found/);
    const wrong = await run(['call', 'GET', '/waba-numbers'],
      { env: { ...env, HUDHUD_SECRET: 'wrong' } });
    assert.equal(wrong.status, 1);
    assert.match(wrong.stderr, /check HUDHUD_DOMAIN, HUDHUD_CLIENT_ID and HUDHUD_SECRET/);
    const old = await run(['call', '--timestamp', '1704124800', 'GET', '/waba-numbers'], { env });
    assert.match(old.stderr, /timestamp_expired; set the clock/);
  });

  test('bodies and headers', async () => {
    const sync = ['call', 'POST', '/waba-numbers/1/sync'];
    await runOk(sync, { env });
    const link = await run(['call', '-d', '{"waba_id":"1"}', 'POST', '/waba-numbers'], { env });
    assert.equal(JSON.parse(link.stdout).error, 'validation_failed');
    const version = ['-H', 'X-API-Version: v9'];
    const refused = await run(['call', ...version, 'GET', '/waba-numbers'], { env });
    assert.equal(JSON.parse(refused.stdout).error, 'unsupported_version');
    const without = await run(['call', '-H', 'X-Domain:', 'GET', '/waba-numbers'], { env });
    assert.equal(JSON.parse(without.stdout).error, 'missing_headers');
  });

  test('no server: says where to look', async () => {
    const { status, stderr } = await run(['call', 'GET', '/x'],
      { env: { ...env, HUDHUD_URL: NOWHERE } });
    assert.equal(status, 1);
    assert.match(stderr, /start the server with "hudhud serve", or set HUDHUD_URL/);
  });

  test('https where the server speaks http: says so', async () => {
    const { status, stderr } = await run(['call', 'GET', '/x'],
      { env: { ...env, HUDHUD_URL: env.HUDHUD_URL.replace('http:', 'https:') } });
    assert.equal(status, 1);
    assert.match(stderr, /does not speak TLS, its address begins with http:/);
    assert.doesNotMatch(stderr, /start the server/);
  });

  test('--curl prints a line that does the same', async () => {
    const body = path.join(temporaryFolder(), "it's a body");
    writeFileSync(body, '{"waba_id":"x","note":"it\'s $HOME `id` \\" \\\\ مرحبا"}');
    const lines = [
      ['GET', '/waba-numbers'],
      ['GET', "/waba-numbers?include=health&x='[1]{2}$HOME`id`"],
      ['GET', '/waba-numbers/../waba-numbers'],
      ['POST', '/waba-numbers', '-d', readFileSync(body, 'utf8')],
      ['POST', '/waba-numbers', '-d', `@${body}`],
      ['POST', '/waba-numbers', '-d', '@no json'.slice(1)],
      ['PATCH', '/waba-numbers', '-d', ''],
      ['DELETE', '/waba-numbers/999'],
    ];
    const same = (text) => text.replace(/req_\w+/, 'req').replace(/"confirmed_at":"[^"]*"/g, '');
    for (const args of lines) {
      const ours = await run(['call', ...args], { env });
      const { stdout: line } = await runOk(['call', '--curl', ...args], { env });
      assert.ok(!line.includes(creds.secret));
      const theirs = await runProgram('sh', ['-c', line]);
      assert.equal(theirs.status, 0, theirs.stderr);
      assert.equal(same(theirs.stdout), same(ours.stdout), line);
      assert.notEqual(ours.stdout, '');
    }
  });
});

describe('doctor', () => {
  let sim;
  before(async () => { sim = await startSim({ numbers: 1 }); });
  after(() => sim.stop());
  const verdicts = (findings) =>
    Object.fromEntries(findings.map(({ check, verdict }) => [check, verdict]));
  const examine = async (data, graphUrl = sim.url) => {
    const result = await run(['doctor', '--json', '--data', data],
      { env: { HUDHUD_GRAPH_URL: graphUrl } });
    return { status: result.status, findings: JSON.parse(result.stdout) };
  };

  test('all is well', async () => {
    const data = await initFolder();
    await runOk(['workspace', 'create', 'A', '--domain', 'a', '--data', data]);
    const server = await startServe({ data, graphUrl: sim.url });
    await runOk(['number', 'link', '--domain', 'a', '--waba-id', sim.wabaId, '--data', data],
      { input: sim.token });
    const { status, findings } = await examine(data);
    assert.equal(status, 0);
    const ok = ['folder', 'key', 'disk', 'database', 'server', 'graph', 'token', 'webhooks', 'clock'];
    if (storeKind === 'postgres') ok.push('store'); // the server that it is on
    const { files, ...others } = verdicts(findings); // files: as this machine's limit is
    assert.ok(files);
    assert.deepEqual(others, Object.fromEntries(ok.map((check) => [check, 'ok'])));
    const text = await runOk(['doctor', '--data', data]);
    assert.match(text.stdout, /^ok {4}token {5}account \d+ of a$/m);
    assert.match(text.stdout, /^ok {4}webhooks {2}account \d+ of a: an app is subscribed .*hudhud app add/m);
    await server.stop();
    const stopped = await examine(data);
    assert.equal(stopped.status, 0);
    assert.equal(verdicts(stopped.findings).server, 'warn');
  });

  test('each thing that is wrong is named, with what to do', async () => {
    const nothing = await examine('/nonexistent');
    assert.equal(nothing.status, 1);
    assert.equal(verdicts(nothing.findings).folder, 'fail');
    assert.match(nothing.findings[0].mend, /hudhud init/);

    const data = await initFolder();
    chmodSync(data, 0o755);
    const open = await examine(data);
    assert.equal(verdicts(open.findings).folder, 'warn');
    chmodSync(data, 0o700);

    const unreachable = await examine(data, NOWHERE);
    assert.equal(unreachable.status, 1);
    assert.equal(verdicts(unreachable.findings).graph, 'fail');

    chmodSync(path.join(data, 'key'), 0o644);
    const readable = await examine(data);
    assert.equal(readable.status, 1);
    assert.equal(verdicts(readable.findings).key, 'fail');
    const key = readable.findings.find(({ check }) => check === 'key');
    assert.match(key.message, /chmod 600/);
    assert.equal(key.mend, null); // nothing to restore
    chmodSync(path.join(data, 'key'), 0o600);

    const other = temporaryFolder();
    chmodSync(other, 0o755);
    writeFileSync(path.join(other, 'letter.txt'), 'no data folder');
    const foreign = await examine(other);
    assert.equal(foreign.status, 1);
    assert.equal(verdicts(foreign.findings).folder, 'ok'); // its mode is its owner's affair

    spoilStore(data);
    const broken = await examine(data);
    assert.equal(broken.status, 1);
    assert.equal(verdicts(broken.findings).database, 'fail');
  });

  test('an account whose webhooks do not come', async () => {
    const data = await initFolder();
    const env = { HUDHUD_GRAPH_URL: sim.url };
    const link = (...more) => runOk(['number', 'link', '--domain', 'a', '--waba-id', sim.wabaId, '--data', data,
      ...more], { input: sim.token, env });
    const found = async () => {
      const { status, findings } = await examine(data);
      assert.equal(status, 0, 'it works, and is polled');
      return findings.find(({ check }) => check === 'webhooks');
    };
    const edge = (method) => fetch(`${sim.url}/v25.0/${sim.wabaId}/subscribed_apps`,
      { method, headers: { Authorization: `Bearer ${sim.token}` } });
    await runOk(['workspace', 'create', 'A', '--domain', 'a', '--data', data]);
    await runOk(['workspace', 'create', 'B', '--domain', 'b', '--data', data]);
    await link();
    const [{ whatsapp_business_api_data: app }] = (await (await edge('GET')).json()).data;

    await edge('DELETE');
    const nobody = await found();
    assert.equal(nobody.verdict, 'warn');
    assert.match(nobody.message, /no app is subscribed to it/);
    const [, line] = /: hudhud (number link .*)$/.exec(nobody.mend);
    await runOk([...line.split(' '), '--data', data], { input: sim.token, env });
    assert.equal((await found()).verdict, 'ok', 'the mend is one');

    const addApp = (id, ...more) => runOk(['app', 'add', id, '--secret-file', '-', '--data', data, ...more],
      { input: 'a-secret' });
    await addApp('4711');
    const others = await found();
    assert.equal(others.verdict, 'warn');
    assert.ok(others.message.endsWith(`such as ${app.id}`), others.message);
    assert.match(others.mend, /hudhud app list.*--replace$/);
    await addApp(app.id, '--workspace', 'b');
    assert.equal((await found()).verdict, 'warn', 'what it sends is about another workspace');
    await runOk(['app', 'remove', app.id, '--data', data]);
    await addApp(app.id);
    const well = await found();
    assert.equal(well.verdict, 'ok');
    assert.ok(well.message.endsWith(`app ${app.id} is subscribed to it`), well.message);

    await sim.putFaults([{ kind: 'html', match: { path_contains: 'subscribed_apps' } }]);
    const unsaid = await found();
    assert.equal(unsaid.verdict, 'warn');
    assert.match(unsaid.message, /does not say .*web page/);
    await sim.putFaults([]);
  });

  test('a token that Meta refuses', async () => {
    const data = await initFolder();
    await runOk(['workspace', 'create', 'A', '--domain', 'a', '--data', data]);
    await runOk(['number', 'link', '--domain', 'a', '--waba-id', sim.wabaId, '--data', data],
      { input: sim.token, env: { HUDHUD_GRAPH_URL: sim.url } });
    await sim.patchToken(sim.token, { expired: true });
    const { status, findings } = await examine(data);
    const sync = await run(['number', 'sync', '--domain', 'a', '--data', data], { env: { HUDHUD_GRAPH_URL: sim.url } });
    assert.match(sync.stderr, /^ {2}meta_code: 190$/m);
    assert.doesNotMatch(sync.stderr, /meta_details/, 'of which there are none');
    await sim.patchToken(sim.token, { expired: false });
    assert.equal(status, 1);
    const token = findings.find((f) => f.check === 'token');
    assert.equal(token.verdict, 'fail');
    assert.match(token.mend, /hudhud number link --domain a --waba-id/);
  });
});

test('output that cannot be written is a failure', async () => {
  const { status, stderr } = await runProgram('sh', ['-c', `'${binary()}' version >/dev/full`]);
  assert.equal(status, 1);
  assert.match(stderr, /cannot write the output/);
});
