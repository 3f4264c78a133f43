// What must become of Meta's deliveries, in the order in which they were written down: the rules of
// docs/webhooks.md once more, in another language. What is told late does not undo what is newer, what
// is known already is no news, and everything else is a row of history and an event.

const SECOND_MS = 999; // Meta tells seconds: what it says of the same one is not late
const iso = (ms) => new Date(ms).toISOString().replace('.000Z', 'Z');
const digits = (text) => text.replace(/\D/g, '');

// `numbers`: {phone, waba, messaging_limit, verified_name} of each, as it was before, in Meta's order.
export function startModel(numbers) {
  const facts = new Map(); // "subject field" -> {value, at}
  const history = new Map(); // subject -> ["field|from|to"]
  const events = []; // ["name|subject|field|previous|current"]
  for (const one of numbers) {
    facts.set(`number:${one.phone} messaging_limit`, { value: one.messaging_limit, at: 0 });
    facts.set(`number:${one.phone} verified_name`, { value: one.verified_name, at: 0 });
  }

  const write = (subject, field, from, to) => {
    if (!history.has(subject)) history.set(subject, []);
    history.get(subject).push(`${field}|${from ?? ''}|${to}`);
  };
  // -> {previous} where it is news; null otherwise.
  const put = (subject, field, value, at) => {
    const known = facts.get(`${subject} ${field}`);
    if (known && at + SECOND_MS < known.at) return null;
    facts.set(`${subject} ${field}`, { value, at: Math.max(at, known?.at ?? 0) });
    return known?.value === value ? null : { previous: known?.value };
  };
  const tell = (name, subject, field, previous, current) =>
    events.push([name, subject, field, previous ?? '', current].join('|'));

  const putNumber = (phone, field, event, value, at) => {
    const news = put(`number:${phone}`, field, value, at);
    if (!news) return;
    write(`number:${phone}`, field, news.previous, value);
    if (field === 'verified_name') {
      const before = put(`number:${phone}`, 'name_decision', 'APPROVED', at);
      write(`number:${phone}`, 'name_decision', before ? before.previous : 'APPROVED', 'APPROVED');
    }
    tell(event, `number:${phone}`, '', news.previous, value);
  };
  const putAccount = (waba, field, value, at) => {
    const news = put(`account:${waba}`, field, value, at);
    if (!news) return false;
    write(`account:${waba}`, field, news.previous, value);
    tell('account.updated', `account:${waba}`, field, news.previous, value);
    return true;
  };
  const putTemplate = (value, field, current, at) => {
    const subject = `template:${value.message_template_id}`;
    const news = put(subject, field, current, at);
    if (!news) return;
    write(subject, field, news.previous, current);
    tell(`template.${field}.updated`, subject, '', news.previous, current);
  };

  const rules = {
    phone_number_quality_update: (waba, v, at) =>
      putNumber(digits(v.display_phone_number), 'messaging_limit', 'number.limit.updated', v.current_limit, at),
    phone_number_name_update: (waba, v, at) =>
      putNumber(digits(v.display_phone_number), 'verified_name', 'number.name.updated', v.requested_verified_name, at),
    security: (waba, v, at) => {
      const phone = digits(v.display_phone_number);
      if (putAccount(waba, `security:${phone}`, `${v.event} ${iso(at)}`, at))
        write(`number:${phone}`, 'security', '', v.event);
    },
    message_template_status_update: (waba, v, at) => putTemplate(v, 'status', v.event, at),
    message_template_quality_update: (waba, v, at) => putTemplate(v, 'quality', v.new_quality_score, at),
    template_category_update: (waba, v, at) => putTemplate(v, 'category', v.new_category, at),
    account_review_update: (waba, v, at) => putAccount(waba, 'review', v.decision, at),
    account_alerts: (waba, v, at) => putAccount(waba, `alert:${v.alert_info.alert_type}:${v.entity_id}`,
      `${v.alert_info.alert_status} ${v.alert_info.alert_severity}`, at),
    business_capability_update: (waba, v, at) => {
      const tier = v.max_daily_conversations_per_business;
      putAccount(waba, 'max_daily_conversations', tier, at);
      for (const one of numbers.filter((n) => n.waba === waba))
        putNumber(one.phone, 'messaging_limit', 'number.limit.updated', tier, at);
    },
  };

  return {
    facts, history, events,
    apply(delivery) {
      for (const { id, time, changes } of delivery.entry)
        for (const { field, value } of changes) rules[field](id, value, time * 1000);
    },
  };
}
