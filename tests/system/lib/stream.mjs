// What Meta tells of a few numbers, templates and accounts, without end: in batches of several entries
// and changes, some of it twice under other batches, some of it out of order. Every value is told once,
// so that what was applied twice, or not at all, shows.
import { createHash } from 'node:crypto';
import { metaJson, metaPost } from './meta.mjs';
import { scenarioOf, sleep } from './world.mjs';

export const SENDERS = 4;
const ORDERED = '900'; // each sender has a number and a template of its own here, and tells of them in order
const SHUFFLED = ['901', '902'];
export const BUSINESS = '902'; // its limits are told for all of its numbers at once
const RESERVOIR = 6; // entries that may overtake each other
const REMEMBERED = 50; // entries that may be told once more
const FRESH = 8; // entries in a delivery, at most, beside one that was told before
const SENT_AGAIN = 10; // bodies that may be sent once more as they are
const LONG_AGO_S = 1000000;

const phone = (waba, i) => `96650${waba}${1000 + i}`;
const NUMBERS = { 900: SENDERS, 901: 2, 902: 2 };

export const WABAS = Object.keys(NUMBERS);

export function streamScenario() {
  const scenarios = WABAS.map((waba) => {
    const numbers = Array.from({ length: NUMBERS[waba] },
      (_, i) => ({ id: `${waba}0${i}`, display_phone_number: `+${phone(waba, i)}` }));
    return scenarioOf(numbers, { waba, templates: 0 });
  });
  const [all] = scenarios;
  all.accounts = scenarios.flatMap((one) => one.accounts);
  all.tokens[0].accounts = WABAS;
  return all;
}

const pick = (list) => list[Math.floor(Math.random() * list.length)];
const chance = (p) => Math.random() < p;
const shuffle = (list) => [...list].sort(() => Math.random() - 0.5);
const sample = (list, n) => shuffle(list).slice(0, n);
const digestOf = (raw) => createHash('sha256').update(raw).digest('hex');

// Changes of one subject -> {field, value}; `n` is told nowhere else.
const limit = (display) => (n) => ({ field: 'phone_number_quality_update',
  value: { display_phone_number: display, event: 'UPGRADE', current_limit: `TIER_${n}` } });
const name = (display) => (n) => ({ field: 'phone_number_name_update',
  value: { display_phone_number: display, decision: 'APPROVED', requested_verified_name: `متجر ${n}` } });
const security = (display) => (n) => ({ field: 'security',
  value: { display_phone_number: display, event: `EVENT_${n}` } });
const template = (id, field, member) => (n) => ({ field, value: { message_template_id: id,
  message_template_name: `template_${id}`, message_template_language: 'ar', [member]: `T_${n}` } });
const status = (id) => template(id, 'message_template_status_update', 'event');
const quality = (id) => template(id, 'message_template_quality_update', 'new_quality_score');
const category = (id) => template(id, 'template_category_update', 'new_category');
const review = () => (n) => ({ field: 'account_review_update', value: { decision: `DECISION_${n}` } });
const alert = (type) => (n) => ({ field: 'account_alerts',
  value: { entity_id: '7', alert_info: { alert_type: type, alert_status: `ALERT_${n}`, alert_severity: 'WARNING' } } });
const capability = () => (n) => ({ field: 'business_capability_update',
  value: { max_daily_conversations_per_business: `TIER_${n}` } });

const ownSubjects = (i) => [limit(phone(ORDERED, i)), name(phone(ORDERED, i)), security(phone(ORDERED, i)),
  status(8000 + i), category(8000 + i), alert(`OWN_${i}`)];
const sharedSubjects = (waba) => [
  ...[0, 1].flatMap((i) => [limit(phone(waba, i)), name(phone(waba, i)), security(phone(waba, i))]),
  status(Number(`${waba}1`)), quality(Number(`${waba}1`)), status(Number(`${waba}2`)), review(), alert('SHARED'),
  ...(waba === BUSINESS ? [capability()] : [])];

export function startStream() {
  let serial = 0;
  let time = Math.floor(Date.now() / 1000) - LONG_AGO_S;
  const reservoir = [];
  const told = [];
  const ordered = []; // entries of ORDERED, as they were made
  const recent = []; // bodies
  const sent = new Map(); // digest -> {raw, json, answered}: how often it was answered 200

  const entry = (waba, subjects, most) => ({ id: waba, time: time++,
    changes: sample(subjects, 1 + Math.floor(Math.random() * most)).map((make) => make(serial++)) });
  const shuffled = () => {
    while (reservoir.length < RESERVOIR) {
      const waba = pick(SHUFFLED);
      reservoir.push(entry(waba, sharedSubjects(waba), 4));
    }
    return reservoir.splice(Math.floor(Math.random() * RESERVOIR), 1)[0];
  };
  const again = () => {
    const { id, time: at, changes } = pick(told);
    return { id, time: at, changes: chance(0.5) ? changes : [pick(changes)] };
  };
  const remember = (fresh) => {
    told.push(...fresh);
    told.splice(0, told.length - REMEMBERED);
  };
  const deliver = (entries) => {
    const json = { object: 'whatsapp_business_account', entry: entries };
    const raw = metaJson(json);
    const digest = digestOf(raw);
    if (!sent.has(digest)) sent.set(digest, { raw, json, answered: 0 });
    recent.push(sent.get(digest));
    recent.splice(0, recent.length - SENT_AGAIN);
    return sent.get(digest);
  };

  return {
    sent, ordered,
    // The next delivery of a sender, who has it answered before he asks for another.
    next(sender) {
      if (recent.length > 0 && chance(0.08)) return pick(recent);
      const fresh = chance(0.7) ? [entry(ORDERED, ownSubjects(sender), 3)] : [shuffled()];
      ordered.push(...fresh.filter((one) => one.id === ORDERED));
      while (fresh.length < FRESH && chance(0.4)) fresh.push(shuffled());
      const old = told.length > 0 && chance(0.25) ? [again()] : [];
      remember(fresh);
      return deliver(shuffle([...fresh, ...old]));
    },
    // What was held back.
    last: () => deliver(reservoir.splice(0)),
  };
}

// Sends as Meta does: again and again, until it is answered 200. `url` says where to, at each try.
export async function insist(url, delivery) {
  for (;;) {
    const answer = await metaPost(url(), delivery.raw).catch(() => null);
    if (answer?.status === 200) {
      delivery.answered++;
      return;
    }
    if (answer && answer.status !== 503) throw new Error(`${answer.status} ${answer.text}`);
    await sleep(20 + Math.random() * 80);
  }
}

// Between two deliveries there are `pause` ms at most.
export async function sendOn(stream, sender, url, running, pause) {
  while (running()) {
    await insist(url, stream.next(sender));
    await sleep(Math.random() * pause);
  }
}

// What a delivery says, by subject and field as they are called in history -> {subject, field, value,
// time}. Limits of a business are none of these.
const says = {
  phone_number_quality_update: (waba, v) => [`number:${v.display_phone_number}`, 'messaging_limit', v.current_limit],
  phone_number_name_update: (waba, v) => [`number:${v.display_phone_number}`, 'verified_name', v.requested_verified_name],
  security: (waba, v) => [`number:${v.display_phone_number}`, 'security', v.event],
  message_template_status_update: (waba, v) => [`template:${v.message_template_id}`, 'status', v.event],
  message_template_quality_update: (waba, v) => [`template:${v.message_template_id}`, 'quality', v.new_quality_score],
  template_category_update: (waba, v) => [`template:${v.message_template_id}`, 'category', v.new_category],
  account_review_update: (waba, v) => [`account:${waba}`, 'review', v.decision],
  account_alerts: (waba, v) => [`account:${waba}`, `alert:${v.alert_info.alert_type}:${v.entity_id}`,
    `${v.alert_info.alert_status} ${v.alert_info.alert_severity}`],
};
export const changesOf = (delivery) => delivery.entry.flatMap(({ id, time, changes }) =>
  changes.filter(({ field }) => says[field]).map(({ field, value }) => {
    const [subject, what, text] = says[field](id, value);
    return { subject, field: what, value: text, time };
  }));
