// Proof from outside that the simulator speaks Meta's language: two client libraries that know
// nothing of it, Meta's own and an independent one, read the same values as its scenario says.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client } from '@great-detail/whatsapp';
import bizSdk from 'facebook-nodejs-business-sdk';
import { startSim } from './lib/sim.mjs';
import { startWorld } from './lib/world.mjs';

const NUMBER_FIELDS = ['id', 'display_phone_number', 'verified_name', 'quality_rating', 'status',
                       'whatsapp_business_manager_messaging_limit', 'throughput'];
const TEMPLATE_FIELDS = ['id', 'name', 'language', 'status', 'category', 'components'];

const pick = (object, fields) => Object.fromEntries(fields.map((f) => [f, object[f]]));
const byId = (a, b) => a.id.localeCompare(b.id);

// What the libraries have to find, from the scenario itself.
async function expected(sim) {
  const [account] = (await sim.scenario()).accounts;
  return {
    numbers: account.numbers.map((n) => pick(n, NUMBER_FIELDS)).sort(byId),
    templates: account.templates.map((x) => pick(x, TEMPLATE_FIELDS)).sort(byId),
  };
}

async function start(t) {
  const sim = await startSim({ numbers: 7 });
  t.after(() => sim.stop());
  return sim;
}

// --- facebook-nodejs-business-sdk ------------------------------------------------------------

const { FacebookAdsApi, WhatsAppBusinessAccount } = bizSdk;

// The library has no option for its base URL: its static getter is replaced.
function metaAccount(sim) {
  Object.defineProperty(FacebookAdsApi, 'GRAPH', { get: () => sim.url, configurable: true });
  FacebookAdsApi.init(sim.token, 'en_US', false);
  return new WhatsAppBusinessAccount(sim.wabaId);
}

async function allPages(cursor, fields) {
  const rows = [];
  let pages = 1;
  rows.push(...cursor.map((x) => pick(x._data, fields)));
  while (cursor.hasNext()) {
    await cursor.next();
    rows.push(...cursor.map((x) => pick(x._data, fields)));
    pages++;
  }
  return { rows: rows.sort(byId), pages };
}

test("Meta's own SDK lists numbers over several pages", async (t) => {
  const sim = await start(t);
  const cursor = await metaAccount(sim).getPhoneNumbers(NUMBER_FIELDS, { limit: 2 });
  const { rows, pages } = await allPages(cursor, NUMBER_FIELDS);
  assert.equal(pages, 4);
  assert.deepEqual(rows, (await expected(sim)).numbers);
});

test("Meta's own SDK lists templates, filtered and not", async (t) => {
  const sim = await start(t);
  const { templates } = await expected(sim);
  const list = (params) => metaAccount(sim).getMessageTemplates(TEMPLATE_FIELDS, params);
  const all = await allPages(await list({ limit: 10 }), TEMPLATE_FIELDS);
  assert.equal(all.pages, 3);
  assert.deepEqual(all.rows, templates);
  const some = await allPages(await list({ limit: 5, status: ['PENDING', 'REJECTED'] }), TEMPLATE_FIELDS);
  assert.deepEqual(some.rows, templates.filter((x) => ['PENDING', 'REJECTED'].includes(x.status)));
  assert.ok(some.rows.length > 0);
});

test("Meta's own SDK reads the account, its subscription, and an error", async (t) => {
  const sim = await start(t);
  const account = await metaAccount(sim).get(['id', 'name', 'currency']);
  const [said] = (await sim.scenario()).accounts;
  assert.deepEqual(pick(account._data, ['id', 'name', 'currency']), pick(said, ['id', 'name', 'currency']));
  assert.equal((await metaAccount(sim).getSubscribedApps([])).length, 0);
  await metaAccount(sim).createSubscribedApp([], {});
  const [app] = await metaAccount(sim).getSubscribedApps([]);
  assert.equal(app._data.whatsapp_business_api_data.id, (await sim.scenario()).app.id);
  await assert.rejects(metaAccount(sim).get(['no_such_field']), (error) => {
    assert.match(error.message, /nonexisting field \(no_such_field\)/);
    assert.equal(error.status, 400);
    return true;
  });
});

// --- @great-detail/whatsapp ----------------------------------------------------------------------

function client(sim) {
  return new Client({ prefixUrl: sim.url, graphVersion: 'v23.0',
                      request: { headers: { Authorization: `Bearer ${sim.token}` }, retry: 0 } });
}

test('@great-detail/whatsapp lists numbers over several pages', async (t) => {
  const sim = await start(t);
  const rows = [];
  let after, pages = 0;
  do {
    // It has no parameters for paging; its requests take any of ky's.
    const searchParams = { limit: 2, fields: NUMBER_FIELDS.join(), ...(after ? { after } : {}) };
    const page = await client(sim).phoneNumbers
      .listPhoneNumbers({ businessAccountID: sim.wabaId, request: { searchParams } }).json();
    rows.push(...page.data.map((n) => pick(n, NUMBER_FIELDS)));
    after = page.paging.next && page.paging.cursors.after;
    pages++;
  } while (after);
  assert.equal(pages, 4);
  assert.deepEqual(rows.sort(byId), (await expected(sim)).numbers);
});

test('@great-detail/whatsapp reads one number, with nested fields', async (t) => {
  const sim = await start(t);
  const [first] = (await expected(sim)).numbers;
  const number = await client(sim).phoneNumbers.getPhoneNumber(
    { phoneNumberID: first.id, fields: ['verified_name', ['throughput', ['level']]] }).json();
  assert.deepEqual(number, pick(first, ['verified_name', 'throughput', 'id']));
});

test('@great-detail/whatsapp lists templates by status and category', async (t) => {
  const sim = await start(t);
  const { templates } = await expected(sim);
  const list = async (options) =>
    (await client(sim).template.list(sim.wabaId, { fields: TEMPLATE_FIELDS, limit: 100, ...options }).json())
      .data.sort(byId);
  assert.deepEqual(await list({}), templates);
  const approved = templates.filter((x) => x.status === 'APPROVED' && x.category === 'UTILITY');
  assert.ok(approved.length > 0);
  assert.deepEqual(await list({ status: 'APPROVED', category: ['UTILITY'] }), approved);
});

test('@great-detail/whatsapp subscribes an app and reads the account', async (t) => {
  const sim = await start(t);
  const api = client(sim);
  const created = await api.subscribedApps.createSubscription({ businessAccountID: sim.wabaId }).json();
  assert.deepEqual(created, { success: true });
  const { data } = await api.subscribedApps.listSubscriptions({ businessAccountID: sim.wabaId }).json();
  const { app, accounts } = await sim.scenario();
  assert.equal(data[0].whatsapp_business_api_data.name, app.name);
  const account = await api.whatsappBusinessAccount.get(sim.wabaId, { fields: ['name', 'currency'] }).json();
  assert.deepEqual(account, pick(accounts[0], ['name', 'currency', 'id']));
});

test('@great-detail/whatsapp changes a business profile and reads it', async (t) => {
  const sim = await start(t);
  const { id: phoneNumberID } = (await sim.scenario()).accounts[0].numbers[0];
  const api = client(sim);
  const profile = { about: 'متجر الهدهد', address: 'الرياض', description: 'وصف', vertical: 'RETAIL',
    email: 'salam@hudhud.example', websites: ['https://hudhud.example/'] };
  const done = await api.businessProfile.updateBusinessProfile({ phoneNumberID, ...profile }).json();
  assert.deepEqual(done, { success: true });
  const read = async (fields) =>
    (await api.businessProfile.getBusinessProfile({ phoneNumberID, fields }).json()).data;
  assert.deepEqual(await read(Object.keys(profile)), [{ ...profile, messaging_product: 'whatsapp' }]);
  assert.deepEqual(await read(['about']), [{ about: profile.about, messaging_product: 'whatsapp' }]);
});

// --- both beside our server --------------------------------------------------------------------

test('the libraries and our server read the same numbers', async (t) => {
  const world = await startWorld(t, { sim: { numbers: 7 } });
  const ours = (await world.call('GET', '/waba-numbers?include=health')).json.data
    .map((n) => ({
      id: n.phone_number_id, digits: n.phone_number, name: n.verified_name,
      quality: n.quality_rating, status: n.health.meta_status,
      limit: n.health.messaging_limit, throughput: n.health.throughput,
    })).sort(byId);
  const theirs = (rows) => rows.map((n) => ({
    id: n.id, digits: n.display_phone_number.replace(/\D/g, ''), name: n.verified_name,
    quality: n.quality_rating === 'NA' ? 'UNKNOWN' : n.quality_rating, // §2.1 of the contract
    status: n.status,
    limit: n.whatsapp_business_manager_messaging_limit, throughput: n.throughput.level,
  })).sort(byId);
  const cursor = await metaAccount(world.sim).getPhoneNumbers(NUMBER_FIELDS, { limit: 3 });
  const { rows } = await allPages(cursor, NUMBER_FIELDS);
  assert.equal(ours.length, 7);
  assert.deepEqual(ours, theirs(rows));

  const templates = await metaAccount(world.sim)
    .getMessageTemplates(['id', 'status'], { limit: 10 });
  const all = await allPages(templates, ['id', 'status']);
  const approved = all.rows.filter((x) => x.status === 'APPROVED').length;
  for (const number of (await world.call('GET', '/waba-numbers')).json.data)
    assert.equal(number.message_template_count, approved);
});
