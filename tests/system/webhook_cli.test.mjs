// The commands about Meta's webhooks and the events that leave: hudhud app, webhook, inbound and job.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { binary, initFolder, run, runJson, runOk, runProgram, temporaryFolder } from './lib/hudhud.mjs';
import { eventually, startWorld } from './lib/world.mjs';

const SECRET = '0123456789abcdef0123456789abcdef';
const ARGS = ['--webhook-allow-http', 'true', '--webhook-allow-private', 'true', '--webhook-retries', '1h'];

// A system of the workspace's: answers the verification, and deliveries as it is told to.
async function startReceiver() {
  const receiver = { got: [], status: 200, answer: 'تم', challenge: (text) => text };
  const server = http.createServer((request, response) => {
    const parts = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', () => {
      const text = Buffer.concat(parts).toString();
      const json = JSON.parse(text);
      if (json.type === 'verification') {
        response.end(JSON.stringify({ challenge: receiver.challenge(json.challenge) }));
        return;
      }
      receiver.got.push({ headers: request.headers, path: request.url, text, json });
      response.statusCode = receiver.status;
      response.end(receiver.answer);
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  receiver.url = `http://127.0.0.1:${server.address().port}/hooks?of=acme`;
  receiver.stop = () => new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
  return receiver;
}

let world, receiver, wabaId;
const clean = [];
const line = (args) => [...args, '--data', world.data];
const ok = (...args) => runOk(line(args));
const json = (...args) => runJson(line(args));
const acme = (...args) => line([...args, '--domain', 'acme']);

async function fails(args, message, status = 1) {
  const result = await run(args);
  assert.equal(result.status, status, `${args.join(' ')}\n${result.stdout}${result.stderr}`);
  assert.match(result.stderr, message);
  return result;
}

// A webhook that takes all -> its id.
async function addWebhook(...options) {
  receiver.status = 200;
  return (await runJson(acme('webhook', 'add', receiver.url, ...options))).id;
}

async function fromMeta(body, { at = '/webhooks/meta', secret = SECRET } = {}) {
  const text = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  const signature = createHmac('sha256', secret).update(text).digest('hex');
  return fetch(`${world.url}${at}`, {
    method: 'POST', body: text,
    headers: { 'Content-Type': 'application/json', 'X-Hub-Signature-256': `sha256=${signature}` },
  });
}

const change = (field, value, id = wabaId) => ({
  object: 'whatsapp_business_account',
  entry: [{ id, time: Math.floor(Date.now() / 1000), changes: [{ field, value }] }],
});
let alerts = 0;
const alert = () => change('account_alerts',
  { entity_type: 'PHONE_NUMBER', entity_id: String(++alerts),
    alert_info: { alert_type: 'OBA_APPROVED', alert_status: 'ACTIVE', alert_severity: 'INFORMATIONAL' } });

before(async () => {
  world = await startWorld({ after: (f) => clean.unshift(f) }, { sim: { numbers: 2 }, args: ARGS, link: false });
  receiver = await startReceiver();
  clean.unshift(receiver.stop);
  wabaId = world.sim.wabaId;
});
after(async () => { for (const f of clean) await f(); });

describe('app', () => {
  const APP = '670843887433847';

  test('add tells what to type into the dashboard, and Meta is answered then', async () => {
    assert.match((await ok('app', 'list')).stderr, /No app of Meta's is known yet; .*hudhud app add/);
    const { stdout, stderr } = await runOk(line(['app', 'add', APP, '--name', 'تطبيق']), { input: `${SECRET}\n` });
    const [, token] = stdout.match(/^verify token +([a-z0-9]{32})$/m);
    assert.match(stdout, /^callback path +\/webhooks\/meta$/m);
    assert.match(stderr, /Callback URL +https:\/\/YOUR\.SERVER\/webhooks\/meta\n/);
    assert.match(stderr, /account_update,.*\n.*\n.*phone_number_name_update/);
    assert.ok(!stdout.includes(SECRET) && !stderr.includes(SECRET));
    const asked = (t) => fetch(`${world.url}/webhooks/meta?hub.mode=subscribe&hub.challenge=7&hub.verify_token=${t}`);
    assert.equal(await (await asked(token)).text(), '7');
    assert.equal((await asked('another')).status, 401);
    const list = await ok('app', 'list');
    assert.match(list.stdout, /670843887433847 +تطبيق +- +\/webhooks\/meta /);
    assert.ok(!list.stdout.includes(token));
  });

  test('an app of one workspace has an address of its own, and a token from a file', async () => {
    const file = path.join(temporaryFolder(), 'secret');
    const token = path.join(temporaryFolder(), 'token');
    writeFileSync(file, SECRET.toUpperCase());
    writeFileSync(token, 'chosen-by-hand\n');
    const app = await json('app', 'add', '77', '--workspace', 'acme', '--secret-file', file,
      '--verify-token-file', token);
    assert.equal(app.callback_path, '/webhooks/meta/acme');
    assert.equal(app.verify_token, undefined);
    const answer = await fetch(`${world.url}/webhooks/meta/acme?hub.mode=subscribe&hub.challenge=8` +
      '&hub.verify_token=chosen-by-hand');
    assert.equal(await answer.text(), '8');
    await ok('app', 'remove', '77');
    assert.deepEqual((await json('app', 'list')).map((one) => one.app_id), [APP]);
  });

  test('rotate takes both secrets for a while; 0 only the new one', async () => {
    const rotate = (input, overlap) =>
      runOk(line(['app', 'rotate', APP, '--overlap', overlap]), { input });
    assert.equal((await fromMeta(alert(), { secret: 'new-secret' })).status, 401);
    assert.match((await rotate('new-secret', '1h')).stdout, /^old secret until +2\d{3}-.*Z$/m);
    assert.equal((await fromMeta(alert(), { secret: 'new-secret' })).status, 200);
    assert.equal((await fromMeta(alert())).status, 200);
    await rotate(SECRET, '0');
    assert.equal((await fromMeta(alert())).status, 200);
    assert.equal((await fromMeta(alert(), { secret: 'new-secret' })).status, 401);
  });

  test('verify-token makes another one', async () => {
    const { verify_token: token } = await json('app', 'verify-token', APP);
    const answer = await fetch(`${world.url}/webhooks/meta?hub.mode=subscribe&hub.challenge=9&hub.verify_token=${token}`);
    assert.equal(await answer.text(), '9');
  });

  test('mistakes', async () => {
    await fails(line(['app', 'add', APP, '--secret', SECRET]), /--secret is not taken: .*--secret-file/, 2);
    await fails(line(['app', 'add', 'acme']), /app secret is empty; pipe it in, or .*--secret-file/);
    const piped = await run(line(['app', 'add', 'acme']), { input: SECRET });
    assert.match(piped.stderr, /app_id: .*digits only/);
    const twice = await run(line(['app', 'add', APP]), { input: SECRET });
    assert.match(twice.stderr, /is there already: hudhud app rotate/);
    await fails(line(['app', 'add', APP, '--verify-token-file', '-']), /standard input can hold one of both/, 2);
    await fails(line(['app', 'verify-token', '1']), /App not found: 1; .*hudhud app list/);
    await fails(line(['app', 'rotate', APP, '--overlap', 'soon']), /--overlap takes a time/, 2);
    await fails(line(['app', 'remove', '1']), /^hudhud: cannot remove an app of Meta's: App not found: 1/);
  });
});

describe('inbound', () => {
  test('what could not be applied is kept, shown with its reason, and applied later', async () => {
    assert.equal((await fromMeta(change('account_review_update', { decision: 'APPROVED' }))).status, 200);
    const [kept] = await json('inbound', 'list', '--state', 'kept');
    assert.equal(kept.unapplied, 1);
    const { stdout } = await ok('inbound', 'show', String(kept.id));
    assert.match(stdout, /^state +kept$/m);
    assert.match(stdout, /account_review_update +no workspace has linked the account/);
    assert.match(stdout, /The body:\n\{\n +"object": "whatsapp_business_account"/);
    const shown = await json('inbound', 'show', String(kept.id));
    assert.equal(shown.body.entry[0].id, wabaId);
    const reapply = () => ok('inbound', 'reapply', String(kept.id));
    assert.match((await reapply()).stdout, /^ID +STATE +CHANGES +KEPT\n\d+ +kept +1 +1\n$/);
    assert.equal((await world.link()).status, 201);
    assert.match((await reapply()).stdout, /\n\d+ +applied +1 +0\n$/);
    assert.deepEqual((await json('inbound', 'list', '--state', 'applied')).map((one) => one.id), [kept.id]);
  });

  test('reapply --all walks over all that is kept, and counts', async () => {
    const before = (await json('inbound', 'list', '--state', 'kept')).length; // of the tests of apps
    assert.ok(before >= 3);
    for (let n = 0; n < 3; n++) assert.equal((await fromMeta(change('messages', { n }))).status, 200);
    assert.deepEqual(await json('inbound', 'reapply', '--all'),
      { looked_at: before + 3, applied: before, kept: 3, failed: 0 });
    assert.match((await ok('inbound', 'reapply', '--all')).stdout,
      /^looked at +3\napplied +0\nkept still +3\nfailed +0\n$/);
  });

  test('what cannot be read stays kept, and is not counted as applied', async () => {
    const { data } = await (await fromMeta('unreadable')).json();
    assert.deepEqual(await json('inbound', 'reapply', '--all'), { looked_at: 4, applied: 0, kept: 4, failed: 0 });
    const [one] = await json('inbound', 'reapply', String(data.id));
    assert.equal(one.state, 'kept');
    assert.equal((await json('inbound', 'show', String(data.id))).state, 'kept');
  });

  test('a body is shown as it came, whatever it is', async () => {
    const show = async (body, shown) => {
      const { data } = await (await fromMeta(body)).json();
      assert.match((await ok('inbound', 'show', String(data.id))).stdout, shown);
    };
    await show('no JSON', /The body:\nno JSON\n$/);
    await show('{"entry":[],"x":1,"x":"مرحبا\\u009b"}', /^\{"entry":\[\],"x":1,"x":"مرحبا/m);
    await show(Buffer.from([0xff, 0xfe, 0x00]), /The body:\n\(3 bytes that are no text; .*--raw\)\n$/);
  });

  test('--raw writes the bytes that came, and nothing else', async () => {
    for (const body of [Buffer.from([0xff, 0xfe, 0x00]), Buffer.from('{ "a" : 1.50,\r\n"\\u0041":"\u001b" } '),
      Buffer.from(JSON.stringify(alert())), Buffer.from(' '), Buffer.alloc(3 * 1024 * 1024, 0xfe)]) {
      const { data } = await (await fromMeta(body)).json();
      const file = path.join(temporaryFolder(), 'body');
      const args = line(['inbound', 'show', '--raw', String(data.id)]);
      const shell = await runProgram('sh', ['-c', 'out=$1; shift; "$@" > "$out"', 'sh', file, binary, ...args]);
      assert.equal(shell.status, 0, shell.stderr);
      assert.ok(readFileSync(file).equals(body), `${body.length} bytes`);
      const shown = await json('inbound', 'show', String(data.id));
      const text = Buffer.from(body.toString()).equals(body);
      assert.equal(shown.body_base64, text ? undefined : body.toString('base64'));
      if (!text) assert.equal(shown.body, null);
    }
    await fails(line(['inbound', 'show', '--raw', '--json', '1']), /exclude each other/, 2);
    await fails(line(['inbound', 'show', '--raw', '999']), /Delivery not found/);
  });

  test('pages, and where the next one begins', async () => {
    const first = await ok('inbound', 'list', '--limit', '2');
    const [, before] = first.stderr.match(/There may be older ones: --before (\d+)/);
    const older = await json('inbound', 'list', '--limit', '2', '--before', before);
    assert.ok(older.every((one) => one.id < Number(before)));
    const none = await ok('inbound', 'list', '--before', '1');
    assert.equal(none.stdout, '');
    assert.match(none.stderr, /There are no older ones/);
  });

  test('mistakes', async () => {
    await fails(line(['inbound', 'list', '--state', 'lost']), /--state takes one of kept, applied/, 2);
    await fails(line(['inbound', 'reapply']), /by their ids, or say --all/, 2);
    await fails(line(['inbound', 'reapply', '--all', '1']), /exclude each other/, 2);
    await fails(line(['inbound', 'show', '999']), /Delivery not found; .*hudhud inbound list/);
    await fails(line(['inbound', 'reapply', '999']), /delivery 999: Delivery not found/);
  });
});

describe('webhook', () => {
  test('add shows the secret once; test shows what came of it', async () => {
    assert.match((await runOk(acme('webhook', 'list'))).stderr, /no webhook yet; add one: hudhud webhook add/);
    const { stdout, stderr } = await runOk(acme('webhook', 'add', receiver.url));
    const [, id] = stdout.match(/^id +(\d+)$/m);
    const [, secret] = stdout.match(/^secret +(whsec_\S+)$/m);
    assert.match(stdout, /^events +\*$/m);
    assert.match(stderr, /shown this once/);
    const tried = await runOk(acme('webhook', 'test', id));
    assert.match(tried.stdout, /^state +done$/m);
    assert.match(tried.stdout, /The request:\n\{\n +"event": "webhook.test"/);
    assert.match(tried.stdout, /^1 +2\S+Z +200 +\d+ +- +تم$/m);
    const got = receiver.got.at(-1);
    const time = got.headers['x-timestamp'];
    const awal = createHmac('sha256', secret).update(`POST${got.path}${time}${got.text}`).digest('hex');
    assert.equal(got.headers['x-awal-signature-256'], `sha256=${awal}`);
    assert.ok(!(await runOk(acme('webhook', 'show', id))).stdout.includes(secret));
    await runOk(acme('webhook', 'remove', id));
  });

  test('a test that fails says why, and its status', async () => {
    const id = String(await addWebhook());
    receiver.status = 500;
    const result = await fails(acme('webhook', 'test', id), /cannot send a test event to a webhook: .*HTTP 500/);
    assert.match(result.stdout, /^state +waiting$/m);
    assert.match(result.stdout, /^1 +\S+ +500 /m);
    await runOk(acme('webhook', 'disable', id));
    await fails(acme('webhook', 'test', id), /it is disabled; first: hudhud webhook enable --domain acme/);
    await runOk(acme('webhook', 'remove', id));
  });

  test('change, disable, enable, rotate-secret', async () => {
    const id = String(await addWebhook('--events', 'account.updated'));
    const changed = await runJson(acme('webhook', 'change', id, '--events', 'number.quality.updated, account.updated'));
    assert.deepEqual(changed.events, ['number.quality.updated', 'account.updated']);
    assert.equal((await runJson(acme('webhook', 'change', id, '--url', `${receiver.url}&v=2`))).url, `${receiver.url}&v=2`);
    assert.equal((await runJson(acme('webhook', 'disable', id))).disabled_reason, 'by_hand');
    assert.match((await runOk(acme('webhook', 'list'))).stdout, / no +by_hand /);
    assert.equal((await runJson(acme('webhook', 'enable', id))).enabled, true);
    const rotated = await runJson(acme('webhook', 'rotate-secret', id, '--overlap', '1h'));
    assert.match(rotated.secret, /^whsec_/);
    await runOk(acme('webhook', 'test', id));
    assert.equal(receiver.got.at(-1).headers['webhook-signature'].split(' ').length, 2);
    await runOk(acme('webhook', 'rotate-secret', id, '--overlap', '0'));
    await runOk(acme('webhook', 'test', id));
    assert.equal(receiver.got.at(-1).headers['webhook-signature'].split(' ').length, 1);
    assert.match((await runOk(acme('webhook', 'remove', id))).stdout, /^Removed /);
  });

  test('an event, its delivery, and both again', async () => {
    const id = String(await addWebhook('--events', 'account.updated'));
    const begin = receiver.got.length;
    assert.equal((await fromMeta(alert())).status, 200);
    await eventually(() => receiver.got.length === begin + 1);
    const [delivery] = await eventually(async () => {
      const list = await runJson(acme('webhook', 'deliveries', id, '--state', 'done'));
      return list.length === 1 && list;
    });
    assert.equal(delivery.event, 'account.updated');
    const shown = await runJson(acme('webhook', 'delivery', id, String(delivery.id)));
    assert.deepEqual(shown.request, receiver.got[begin].json);
    assert.equal(shown.tries[0].status, 200);
    await runOk(acme('webhook', 'replay', id, String(delivery.id)));
    await eventually(() => receiver.got.length === begin + 2);
    assert.equal((await runJson(acme('webhook', 'replay', id, '--from', '1h'))).deliveries, 1);
    await eventually(() => receiver.got.length === begin + 3);
    const ids = new Set(receiver.got.slice(begin).map((one) => one.headers['webhook-id']));
    assert.equal(ids.size, 1);
    const none = await runOk(acme('webhook', 'replay', id, '--from', '2020-01-01T00:00:00Z', '--to', '2020-01-02T00:00:00Z'));
    assert.match(none.stderr, /Nothing was to be delivered/);
    assert.match((await runOk(acme('webhook', 'deliveries', id, '--state', 'dead'))).stderr, /none that is dead/);
    await runOk(acme('webhook', 'remove', id));
  });

  test('mistakes', async () => {
    receiver.challenge = () => 'another';
    await fails(acme('webhook', 'add', receiver.url), /did not answer the verification.*\n.*not with the challenge/);
    receiver.challenge = (text) => text;
    await fails(acme('webhook', 'add', 'ftp://x'), /url: must be such as https:/);
    await fails(acme('webhook', 'add', receiver.url, '--events', 'acount.updated'), /did you mean account\.updated\?/, 2);
    await fails(acme('webhook', 'change', '1'), /give --url or --events/, 2);
    for (const command of ['show', 'enable', 'disable', 'remove', 'rotate-secret', 'test', 'deliveries'])
      await fails(acme('webhook', command, '999'), /Webhook not found; .*hudhud webhook list/);
    await fails(line(['webhook', 'list', '--domain', 'acmee']), /Workspace not found/);
    const id = String(await addWebhook());
    await fails(acme('webhook', 'delivery', id, '999'), /Delivery not found; .*webhook deliveries/);
    await fails(acme('webhook', 'replay', id), /which DELIVERY, or --from when/, 2);
    await fails(acme('webhook', 'replay', id, '7', '--from', '1h'), /exclude each other/, 2);
    await fails(acme('webhook', 'replay', id, '--from', 'noon'), /--from takes a moment such as/, 2);
    await fails(acme('webhook', 'deliveries', id, '--limit', '101'), /--limit takes a whole number from 1 to 100/, 2);
    await runOk(acme('webhook', 'remove', id));
  });

  test('without a server that runs a test is refused, not queued', async () => {
    const data = await initFolder();
    await runOk(['workspace', 'create', 'Acme', '--domain', 'acme', '--data', data]);
    const env = { HUDHUD_WEBHOOK_ALLOW_HTTP: 'true', HUDHUD_WEBHOOK_ALLOW_PRIVATE: 'true' };
    const { id } = await runJson(['webhook', 'add', receiver.url, '--domain', 'acme', '--data', data], { env });
    const { status, stderr } = await run(['webhook', 'test', String(id), '--domain', 'acme', '--data', data], { env });
    assert.equal(status, 1);
    assert.match(stderr, /no server runs on .*hudhud serve/);
    const none = await runOk(['job', 'list', '--data', data]);
    assert.match(none.stderr, /There are no jobs\./);
  });
});

describe('docs/webhooks.md', () => {
  const page = readFileSync(new URL('../../docs/webhooks.md', import.meta.url), 'utf8');
  const [standard, whole] = [...page.matchAll(/^```js\n(.*?)^```$/gms)].map(([, code]) => code);
  const folder = temporaryFolder();
  const program = path.join(folder, 'receiver.mjs');
  writeFileSync(program, whole);

  // The receiver of that page, as a process of its own -> {printed(), stop()}.
  async function startExample(port, secret) {
    const child = spawn(process.execPath, [program],
      { env: { ...process.env, PORT: String(port), WEBHOOK_SECRET: secret }, stdio: ['ignore', 'pipe', 'inherit'] });
    let printed = '';
    child.stdout.on('data', (text) => { printed += text; });
    await eventually(() => fetch(`http://127.0.0.1:${port}/`).then(() => true, () => false));
    return { printed: () => printed,
      stop: () => new Promise((resolve) => { child.on('close', resolve); child.kill('SIGKILL'); }) };
  }

  test('the receiver takes what is signed with its secret, also with the old one of a rotation', async (t) => {
    const reserved = http.createServer();
    await new Promise((resolve) => reserved.listen(0, '127.0.0.1', resolve));
    const { port } = reserved.address();
    await new Promise((resolve) => reserved.close(resolve));
    let example = await startExample(port, '');
    t.after(() => example.stop());
    const added = await runJson(acme('webhook', 'add', `http://127.0.0.1:${port}/a%20b?c=d`, '--events', 'webhook.disabled'));
    const id = String(added.id);
    const restart = async (secret) => { await example.stop(); example = await startExample(port, secret); };
    await restart(added.secret);
    await runOk(acme('webhook', 'test', id));
    assert.match(example.printed(), /^webhook\.test \{/);
    const { secret } = await runJson(acme('webhook', 'rotate-secret', id));
    await runOk(acme('webhook', 'test', id));
    await restart(secret);
    await runOk(acme('webhook', 'test', id));
    await restart(`${secret}x`);
    await fails(acme('webhook', 'test', id), /HTTP 401/);
    await runOk(acme('webhook', 'remove', id));
  });

  test('the library of Standard Webhooks takes it too', async (t) => {
    if (!await import('standardwebhooks').catch(() => null)) return t.skip('standardwebhooks is not installed');
    const added = await runJson(acme('webhook', 'add', receiver.url, '--events', 'webhook.disabled'));
    await runOk(acme('webhook', 'test', String(added.id)));
    const { text, headers } = receiver.got.at(-1);
    process.env.WEBHOOK_SECRET = added.secret;
    const code = standard.replace("'standardwebhooks'", JSON.stringify(import.meta.resolve('standardwebhooks')));
    const { read } = await import(`data:text/javascript,${encodeURIComponent(code)}`);
    assert.equal(read(text, headers).event, 'webhook.test');
    assert.throws(() => read(text.replace('webhook', 'Webhook'), headers));
    return runOk(acme('webhook', 'remove', String(added.id)));
  });

  test('it names every event, and the very fields that are told to subscribe to', async () => {
    const source = readFileSync(new URL('../../src/model/event.h', import.meta.url), 'utf8');
    const [, names] = source.match(/#define EVENT_NAMES((?:.*\\\n)+.*)/);
    for (const [, name] of names.matchAll(/"(.*?)"/g)) assert.ok(page.includes(`\`${name}\``), name);
    const { stderr } = await runOk(line(['app', 'add', '78']), { input: SECRET });
    const fields = stderr.match(/Subscribe to +([\s\S]*?)\n\S/)[1].split(/[\s,]+/);
    const [, applied] = page.match(/### What is applied\n([\s\S]*?)\n###/);
    const table = [...applied.matchAll(/^\| (`[^|]*)\|/gm)].flatMap(([, cell]) => [...cell.matchAll(/`(\w+)`/g)])
      .map(([, name]) => name);
    assert.deepEqual(table.filter((name) => name !== 'messages').sort(), fields.sort());
    await ok('app', 'remove', '78');
  });
});

describe('job', () => {
  let id, job;
  before(async () => {
    id = String(await addWebhook('--events', 'account.updated'));
    receiver.status = 503;
    assert.equal((await fromMeta(alert())).status, 200);
    [job] = await eventually(async () => {
      const list = await json('job', 'list', '--state', 'waiting', '--webhook', id);
      return list.length === 1 && list[0].attempts === 1 && list;
    });
  });

  test('list and show', async () => {
    const { stdout } = await ok('job', 'list', '--state', 'waiting', '--domain', 'acme', '--webhook', id);
    assert.match(stdout, /acme +\d+ +account\.updated +waiting +1 .*HTTP 503/);
    const shown = await ok('job', 'show', String(job.id));
    assert.match(shown.stdout, /^in order with +account:\d+$/m);
    assert.match(shown.stdout, /^1 +\S+Z +503 /m);
    assert.match((await ok('job', 'list', '--state', 'dead', '--webhook', id)).stderr, /none that is dead/);
  });

  test('retry tries it now; one that is behind has to wait', async () => {
    assert.equal((await fromMeta(alert())).status, 200);
    const [behind] = await json('job', 'list', '--state', 'behind', '--webhook', id);
    const result = await fails(line(['job', 'retry', String(behind.id)]), new RegExp(`job ${behind.id}: .*waits behind`));
    assert.equal(result.stdout, '');
    receiver.status = 200;
    const begin = receiver.got.length;
    assert.match((await ok('job', 'retry', String(job.id))).stdout, new RegExp(`^${job.id} +acme `, 'm'));
    await eventually(() => receiver.got.length === begin + 2); // that one, and the one behind it
    const again = await eventually(async () => {
      const one = await json('job', 'show', String(job.id));
      return one.state === 'done' && json('job', 'retry', String(job.id));
    });
    assert.ok(again[0].id > behind.id);
  });

  test('drop, and what ended already', async () => {
    receiver.status = 503;
    await fromMeta(alert());
    const [waiting] = await eventually(async () => {
      const list = await json('job', 'list', '--state', 'waiting', '--webhook', id);
      return list.length === 1 && list[0].attempts === 1 && list;
    });
    const both = await fails(line(['job', 'drop', '999', String(waiting.id)]), /job 999: Job not found; .*hudhud job list/);
    assert.match(both.stdout, / dropped /);
    await fails(line(['job', 'drop', String(waiting.id)]), /has ended already/);
    await fails(line(['job', 'show', '999']), /Job not found/);
    await fails(line(['job', 'list', '--state', 'lost']), /--state takes one of waiting, behind/, 2);
    await fails(line(['job', 'list', '--domain', 'nobody']), /workspace: is no workspace's domain/);
  });

  test('retry goes nowhere while its webhook is disabled or removed, and says so', async () => {
    receiver.status = 503;
    await fromMeta(alert());
    const [waiting] = await eventually(async () => {
      const list = await json('job', 'list', '--state', 'waiting', '--webhook', id);
      return list.length === 1 && list[0].attempts === 1 && list;
    });
    await runOk(acme('webhook', 'disable', id));
    const jobs = async () => (await json('job', 'list', '--webhook', id, '--limit', '1000')).length;
    const before = await jobs();
    for (const one of [waiting.id, job.id])
      await fails(line(['job', 'retry', String(one)]), /The webhook is disabled: enable it first/);
    assert.equal(await jobs(), before);
    await runOk(acme('webhook', 'remove', id));
    for (const one of [waiting.id, job.id])
      await fails(line(['job', 'retry', String(one)]), /webhook was (deleted|removed)/);
    assert.equal(await jobs(), before);
  });
});

describe('account', () => {
  test('history goes on to older ones', async () => {
    for (const decision of ['APPROVED', 'REJECTED', 'APPROVED', 'PENDING', 'REJECTED'])
      assert.equal((await fromMeta(change('account_review_update', { decision }))).status, 200);
    const all = await json('account', 'history', wabaId, '--limit', '1000');
    assert.ok(all.length >= 5);
    const walked = [];
    for (let before = []; ;) {
      const page = await json('account', 'history', wabaId, '--limit', '2', ...before);
      walked.push(...page);
      if (page.length < 2) break;
      before = ['--before', String(page[1].id)];
    }
    assert.deepEqual(walked, all);
    const first = await ok('account', 'history', wabaId, '--limit', '2');
    assert.match(first.stderr, new RegExp(`There may be older ones: --before ${all[1].id}\n`));
    assert.match((await ok('account', 'history', wabaId, '--before', '1')).stderr, /There are no older ones/);
    await fails(line(['account', 'history', wabaId, '--limit', '1001']), /from 1 to 1000/, 2);
    const last = await json('account', 'history', wabaId, '--before', '99999999');
    assert.deepEqual(last, all.slice(0, 20));
  });
});
