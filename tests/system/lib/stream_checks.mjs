// Whether what was acknowledged is there, once, and went out to everybody, in its order: each check
// says what it found wrong, in words; an empty list is the wish.
import { storeKind, storeSql } from './hudhud.mjs';
import { startModel } from './stream_model.mjs';
import { BUSINESS, changesOf } from './stream.mjs';

const PAGE = 500;
const hex = (column) => (storeKind === 'postgres' ? `encode(${column}, 'hex')` : `lower(hex(${column}))`);

// All rows of a table, by id; `from` may join others. The last column may contain a |.
function rowsOf(data, columns, from, id = 'id') {
  const rows = [];
  for (let last = 0; ;) {
    const text = storeSql(data, `SELECT ${[id, ...columns].join(', ')} FROM ${from}
      WHERE ${id} > ${last} ORDER BY ${id} LIMIT ${PAGE}`);
    if (!text) return rows;
    for (const line of text.split('\n')) {
      const parts = line.split('|');
      rows.push([...parts.slice(0, columns.length), parts.slice(columns.length).join('|')]);
    }
    last = Number(rows.at(-1)[0]);
  }
}

// Before anything was told.
export const numbersOf = (data) => storeSql(data, `
  SELECT n.phone_number, a.waba_id, n.messaging_limit, n.verified_name
  FROM numbers n JOIN accounts a ON a.id = n.account_id ORDER BY n.phone_number_id`, { readOnly: true })
  .split('\n').map((line) => line.split('|'))
  .map(([phone, waba, limit, name]) => ({ phone, waba, messaging_limit: limit, verified_name: name }));

function firstDifference(what, actual, expected) {
  const i = expected.findIndex((one, k) => one !== actual[k]);
  if (i < 0 && actual.length === expected.length) return [];
  const at = i < 0 ? expected.length : i;
  return [`${what}: row ${at} of ${expected.length} is ${actual[at]}, not ${expected[at]} (there are ${actual.length})`];
}

const group = (rows, keyOf, valueOf) => {
  const groups = new Map();
  for (const row of rows) {
    const key = keyOf(row);
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(valueOf(row));
  }
  return groups;
};

// --- what Meta told ------------------------------------------------------------------------------

function checkKept(stream, inbound) {
  const faults = [];
  const kept = new Map(inbound.map(([, digest, state, unapplied, arrivals]) =>
    [digest, { state, unapplied, arrivals }]));
  if (kept.size !== inbound.length) faults.push('a delivery has two rows');
  for (const [digest, { answered }] of stream.sent) {
    const row = kept.get(digest);
    if (answered === 0) faults.push(`delivery ${digest} was never answered 200`);
    if (!row) faults.push(`delivery ${digest} was answered 200, ${answered} times, and is not there`);
    else if (row.state !== 'applied' || row.unapplied !== '0') faults.push(`delivery ${digest} is ${row.state}`);
    else if (Number(row.arrivals) < answered) faults.push(`delivery ${digest}: ${row.arrivals} arrivals of ${answered}`);
  }
  if (inbound.length !== stream.sent.size)
    faults.push(`${inbound.length} deliveries are there, ${stream.sent.size} were sent`);
  return faults;
}

function readHistory(data) {
  const number = rowsOf(data, ['c.source', 'n.phone_number', 'c.field', 'c.from_value', 'c.to_value'],
    'number_changes c JOIN numbers n ON n.id = c.number_id', 'c.id').filter((row) => row[3] !== 'name_status');
  const template = rowsOf(data, ['c.source', 't.meta_id', 'c.field', 'c.from_value', 'c.to_value'],
    'template_changes c JOIN templates t ON t.id = c.template_id', 'c.id');
  const account = rowsOf(data, ['c.source', 'a.waba_id', 'c.field', 'c.from_value', 'c.to_value'],
    'account_changes c JOIN accounts a ON a.id = c.account_id', 'c.id');
  return [['number', number], ['template', template], ['account', account]]
    .flatMap(([kind, rows]) => rows.map(([, source, id, ...change]) => ({ source, subject: `${kind}:${id}`, change })));
}

function checkHistory(model, rows) {
  const actual = group(rows, (row) => row.subject, (row) => row.change.join('|'));
  const faults = rows.filter((row) => row.source !== 'webhook')
    .map((row) => `${row.subject} was changed by ${row.source}`);
  for (const [subject, expected] of model.history)
    faults.push(...firstDifference(`history of ${subject}`, actual.get(subject) ?? [], expected));
  for (const subject of actual.keys()) if (!model.history.has(subject)) faults.push(`${subject} has a history`);
  return faults;
}

// The same without a model. A limit of the business is told of each of its numbers, beside their own:
// two of one second may follow each other again.
function checkChanges(stream, rows) {
  const faults = [];
  const isAmbiguous = (subject, field) =>
    field === 'messaging_limit' && subject.startsWith(`number:96650${BUSINESS}`);
  const told = group(rows, (row) => `${row.subject} ${row.change[0]}`, (row) => row.change[2]);
  for (const [key, values] of told) {
    const [subject, field] = key.split(' ');
    if (field === 'name_decision' || isAmbiguous(subject, field)) continue;
    if (new Set(values).size !== values.length) faults.push(`${key}: one value was applied twice`);
  }
  const newest = new Map();
  const inOrder = new Map();
  for (const { json } of stream.sent.values()) {
    for (const one of changesOf(json)) {
      const key = `${one.subject} ${one.field}`;
      if (!isAmbiguous(one.subject, one.field) && !(newest.get(key)?.time > one.time)) newest.set(key, one);
    }
  }
  for (const entry of stream.ordered) {
    for (const { subject, field, value } of changesOf({ entry: [entry] })) {
      const key = `${subject} ${field}`;
      inOrder.set(key, [...inOrder.get(key) ?? [], value]);
    }
  }
  for (const [key, { value }] of newest)
    if (told.get(key)?.at(-1) !== value) faults.push(`${key} is ${told.get(key)?.at(-1)} in the end, the newest was ${value}`);
  for (const [key, values] of inOrder)
    faults.push(...firstDifference(`told in order, ${key}`, told.get(key) ?? [], values));
  return faults;
}

// What the API shows of numbers, where it was asked.
function checkShown(model, shown) {
  const faults = [];
  for (const { phone, history, ...values } of shown) {
    const rows = history.filter((row) => row.field !== 'name_status').map((row) => `${row.field}|${row.from ?? ''}|${row.to}`);
    faults.push(...firstDifference(`history of ${phone}`, rows, model.history.get(`number:${phone}`) ?? []));
    for (const [field, value] of Object.entries(values)) {
      const expected = model.facts.get(`number:${phone} ${field}`).value;
      if (value !== expected) faults.push(`${phone}: ${field} is ${value}, not ${expected}`);
    }
  }
  return faults;
}

function checkValues(data, model) {
  const faults = [];
  const compare = (subject, field, value) => {
    const expected = model.facts.get(`${subject} ${field}`)?.value ?? '';
    if (value !== expected) faults.push(`${subject}: ${field} is ${value}, not ${expected}`);
  };
  for (const one of numbersOf(data))
    for (const field of ['messaging_limit', 'verified_name']) compare(`number:${one.phone}`, field, one[field]);
  const templates = rowsOf(data, ['meta_id', 'status', 'category', 'quality'], 'templates');
  for (const [, id, status, category, quality] of templates) {
    compare(`template:${id}`, 'status', status);
    compare(`template:${id}`, 'quality', quality);
    compare(`template:${id}`, 'category', category);
  }
  for (const [, waba, field, value] of rowsOf(data, ['a.waba_id', 'f.field', 'f.value'],
    'account_facts f JOIN accounts a ON a.id = f.account_id', 'f.id')) compare(`account:${waba}`, field, value);
  return faults;
}

// --- events --------------------------------------------------------------------------------------

function readEvent([id, uid, name, body]) {
  const { data } = JSON.parse(body);
  const [kind] = name.split('.');
  const subject = { number: `number:${data.phone_number}`, template: `template:${data.meta_id}`,
    account: `account:${data.waba_id}` }[kind];
  return { id: Number(id), uid, name, body, subject,
    text: [name, subject, data.field ?? '', data.previous ?? '', data.current ?? ''].join('|') };
}

function checkJobs(events, endpoints, jobs) {
  const faults = [];
  const counts = new Map();
  for (const { webhook, event } of jobs) counts.set(`${webhook} ${event}`, (counts.get(`${webhook} ${event}`) ?? 0) + 1);
  let wanted = 0;
  for (const event of events) {
    for (const { id, wants } of endpoints) {
      if (wants !== '*' && !wants.includes(event.name)) continue;
      wanted++;
      const n = counts.get(`${id} ${event.id}`) ?? 0;
      if (n !== 1) faults.push(`event ${event.id} (${event.name}) has ${n} deliveries to ${id}`);
    }
  }
  if (wanted !== jobs.length) faults.push(`${jobs.length} deliveries are there, ${wanted} were wanted`);
  return faults;
}

function checkReceipts(endpoint, events, jobs) {
  const faults = [];
  const byUid = new Map(events.map((event) => [event.uid, event]));
  for (const { id, raw } of endpoint.receipts) {
    if (!byUid.has(id)) faults.push(`endpoint ${endpoint.id} received ${id}, which is no event`);
    else if (byUid.get(id).body !== raw) faults.push(`endpoint ${endpoint.id} received other bytes of ${id}`);
  }
  const first = new Set(endpoint.acknowledged.map(({ id }) => id));
  const byId = new Map(events.map((event) => [event.id, event]));
  for (const job of jobs.filter((one) => one.webhook === endpoint.id))
    if (!first.has(byId.get(job.event)?.uid)) faults.push(`endpoint ${endpoint.id} never took event ${job.event}`);
  const lastOf = new Map();
  for (const uid of first) {
    const event = byUid.get(uid);
    if (event && lastOf.get(event.subject) > event.id)
      faults.push(`endpoint ${endpoint.id} took event ${event.id} of ${event.subject} after ${lastOf.get(event.subject)}`);
    if (event) lastOf.set(event.subject, event.id);
  }
  return faults;
}

function checkAttempts(jobs, attempts, endpoints, events) {
  const faults = [];
  const byJob = group(attempts, ([, job]) => Number(job),
    ([, , position, status, failed]) => ({ position, status, failed }));
  const uids = new Map(events.map((event) => [event.id, event.uid]));
  const received = new Map(endpoints.map((one) => [one.id, group(one.receipts, ({ id }) => id, () => 1)]));
  for (const job of jobs) {
    const tries = byJob.get(job.id) ?? [];
    if (job.state !== 'done') faults.push(`delivery ${job.id} is ${job.state}`);
    if (tries.length !== job.attempts || tries.some((one, i) => Number(one.position) !== i + 1))
      faults.push(`delivery ${job.id} counts ${job.attempts} tries, on record are ${tries.map((one) => one.position)}`);
    if (tries.filter((one) => one.failed === '0').length !== 1 || tries.at(-1)?.failed !== '0')
      faults.push(`delivery ${job.id} has other than one success, at its end`);
    const answered = tries.filter((one) => one.status !== '').length;
    const there = received.get(job.webhook)?.get(uids.get(job.event))?.length ?? 0;
    if (answered > there) faults.push(`delivery ${job.id} was answered ${answered} times, and received ${there} times`);
  }
  return faults;
}

// --- all of it -----------------------------------------------------------------------------------

// Of a stopped server, when everything was delivered -> {faults, events, tries}. `numbers`: of
// numbersOf(), before. `endpoints`: of addMoody(). `shown`: what the API said of each number.
export function checkStream({ data, stream, numbers, endpoints, shown = [] }) {
  const inbound = rowsOf(data, [hex('digest'), 'state', 'unapplied', 'arrivals'], 'inbound');
  const model = startModel(numbers);
  for (const [, digest] of inbound) if (stream.sent.has(digest)) model.apply(stream.sent.get(digest).json);
  const history = readHistory(data);
  const events = rowsOf(data, ['event_id', 'name', 'body'], 'events').map(readEvent);
  const jobs = rowsOf(data, ['webhook_id', 'event_id', 'state', 'attempts'], 'jobs')
    .map(([id, webhook, event, state, attempts]) => ({ id: Number(id), webhook: Number(webhook),
      event: Number(event), state, attempts: Number(attempts) }));
  const attempts = rowsOf(data, ['job_id', 'position', 'status', 'CASE WHEN error IS NULL THEN 0 ELSE 1 END'],
    'job_attempts');
  const failing = storeSql(data,
    'SELECT count(*) FROM webhooks WHERE failing_since IS NOT NULL OR disabled_at IS NOT NULL');
  const faults = {
    kept: checkKept(stream, inbound),
    history: checkHistory(model, history),
    changes: checkChanges(stream, history),
    values: checkValues(data, model),
    shown: checkShown(model, shown),
    events: firstDifference('events', events.map((one) => one.text), model.events),
    uids: new Set(events.map((one) => one.uid)).size === events.length ? [] : ['two events have one id'],
    jobs: checkJobs(events, endpoints, jobs),
    receipts: endpoints.flatMap((one) => checkReceipts(one, events, jobs)),
    attempts: checkAttempts(jobs, attempts, endpoints, events),
    failing: failing === '0' ? [] : [`${failing} webhooks that work are said to fail`],
  };
  return { faults: Object.entries(faults).flatMap(([check, list]) => list.map((text) => `${check}: ${text}`)),
    events: events.length, tries: attempts.length };
}
