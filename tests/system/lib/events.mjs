// A client of GET /events with Node's own http: a parser written from the living standard of HTML,
// "Server-sent events", which knows nothing of how the server writes, and a listener that comes again.
import http from 'node:http';
import { sign } from './hudhud.mjs';
import { sleep } from './world.mjs';

// -> {feed(text), events, comments, retry, lastEventId}; `events` is added to. What is fed may be cut
// anywhere.
export function createParser(events = []) {
  const parser = { events, comments: 0, retry: null, lastEventId: '', feed };
  let rest = '';
  let type = '', data = [], id = '';
  const dispatch = () => {
    parser.lastEventId = id;
    if (data.length) parser.events.push({ id, event: type || 'message', data: data.join('\n') });
    type = '';
    data = [];
  };
  const line = (text) => {
    if (text === '') { dispatch(); return; }
    const colon = text.indexOf(':');
    if (colon === 0) { parser.comments++; return; }
    const field = colon < 0 ? text : text.slice(0, colon);
    const value = colon < 0 ? '' : text.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') type = value;
    else if (field === 'data') data.push(value);
    else if (field === 'id' && !value.includes('\0')) id = value;
    else if (field === 'retry' && /^\d+$/.test(value)) parser.retry = Number(value);
  };
  function feed(text) {
    rest += text;
    for (;;) {
      const end = rest.match(/\r\n|\n|\r(?=[^])/); // a lone CR at the end may be half of a line's end
      if (!end) return;
      line(rest.slice(0, end.index));
      rest = rest.slice(end.index + end[0].length);
    }
  }
  return parser;
}

// One stream -> {status, headers, text, raw(), ...the parser's, closed, close(), pause(), resume()}.
// `closed` resolves to 'end' when the server ended it properly, else to 'cut'.
export function openStream(url, creds, { query = '', lastEventId, headers = {}, events } = {}) {
  const target = `/events${query}`;
  const all = { ...sign('GET', target, '', creds), Accept: 'text/event-stream', ...headers };
  if (lastEventId) all['Last-Event-ID'] = lastEventId;
  return new Promise((resolve, reject) => {
    const request = http.get(`${url}/api/developer${target}`, { headers: all, agent: false }, (res) => {
      const parser = createParser(events);
      let raw = '';
      res.setEncoding('utf8');
      res.on('data', (text) => { raw += res.statusCode === 200 ? '' : text; parser.feed(text); });
      res.on('error', () => {});
      const closed = new Promise((done) => res.on('close', () => done(res.complete ? 'end' : 'cut')));
      const stream = Object.assign(parser, {
        status: res.statusCode, headers: res.headers, closed, socket: res.socket,
        close: () => { request.destroy(); return closed; },
        pause: () => res.pause(), resume: () => res.resume(),
      });
      if (res.statusCode === 200) { resolve(stream); return; }
      closed.then(() => resolve(Object.assign(stream, { text: raw, json: JSON.parse(raw) })));
    });
    request.on('error', reject);
  });
}

// Listens, and comes again whenever the stream ends -> {events, connects, refused, stop()}.
export function listen(url, creds, { query = '' } = {}) {
  const listener = { events: [], connects: 0, refused: [], lastEventId: '' };
  let stopped = false, stream = null;
  const run = (async () => {
    while (!stopped) {
      stream = await openStream(url(), creds, { query, events: listener.events,
        lastEventId: listener.lastEventId }).catch(() => null);
      if (stream?.status === 200) {
        listener.connects++;
        if (stopped) stream.close();
        await stream.closed;
        listener.lastEventId = stream.lastEventId || listener.lastEventId;
      } else if (stream) {
        listener.refused.push(stream.text);
      }
      if (!stopped) await sleep(20);
    }
  })();
  listener.stop = () => { stopped = true; stream?.close?.(); return run; };
  return listener;
}
