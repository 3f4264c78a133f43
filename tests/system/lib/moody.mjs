// A client's endpoint that is up and down, slow, refuses, or breaks connections, as it is told: and
// keeps what it received and what it said 2xx to.
import http from 'node:http';
import { ownAddress } from './hudhud.mjs';

export const MOODS = ['up', 'refusing', 'up', 'slow', 'cutting', 'up', 'down', 'flaky', 'torn'];
const SLOW_MS = 250;

const pick = (list) => list[Math.floor(Math.random() * list.length)];
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function answer(mood, request, response, acknowledge) {
  const accept = (end) => {
    if (request.socket.destroyed) return;
    acknowledge();
    end();
  };
  switch (mood === 'flaky' ? pick(['up', 'refusing', 'cutting', 'torn', 'slow']) : mood) {
    case 'refusing':
      response.writeHead(pick([400, 404, 429, 500, 503])).end('no');
      break;
    case 'cutting':
      request.socket.destroy();
      break;
    case 'torn': // it said 2xx, and whether that was heard is not known
      accept(() => {
        response.writeHead(200, { 'Content-Length': 1000 });
        response.write('o', () => request.socket.destroy());
      });
      break;
    case 'slow':
      await pause(Math.random() * SLOW_MS);
      accept(() => response.writeHead(200).end('ok'));
      break;
    default:
      accept(() => response.writeHead(pick([200, 201, 204])).end());
  }
}

// -> {url, receipts: [{id, raw, at}], acknowledged: [the same, in the order of their 2xx], setMood(), stop()}
export async function startMoody(t) {
  const one = { receipts: [], acknowledged: [], mood: 'up' };
  const take = async (request, response, raw) => {
    const json = JSON.parse(raw);
    if (json.type === 'verification') {
      response.end(JSON.stringify({ challenge: json.challenge }));
      return;
    }
    const took = { id: request.headers['webhook-id'], raw, at: Date.now() };
    one.receipts.push(took);
    await answer(one.mood, request, response, () => one.acknowledged.push(took));
  };
  const server = http.createServer((request, response) => {
    const parts = [];
    request.on('data', (part) => parts.push(part));
    request.on('error', () => {}); // who sent it was killed
    request.on('end', () => take(request, response, Buffer.concat(parts).toString()));
  });
  server.keepAliveTimeout = 60000;
  const host = ownAddress(2);
  const listen = (port) => new Promise((resolve) => { server.listen(port, host, resolve); });
  await listen(0);
  const { port } = server.address();
  one.url = `http://${host}:${port}/hook`;
  one.stop = () => new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
  one.setMood = async (mood) => {
    const was = one.mood;
    one.mood = mood;
    if (mood === 'down' && was !== 'down') await one.stop();
    if (mood !== 'down' && was === 'down') await listen(port);
  };
  t?.after(() => one.stop());
  return one;
}

// One for each of `wants` ('*' or names of events), added by `call` -> the same, with `id` and `wants`.
export async function addMoody(t, call, wants) {
  const endpoints = [];
  for (const names of wants) {
    const endpoint = await startMoody(t);
    const answer = await call('POST', '/webhooks', { url: endpoint.url, events: names === '*' ? ['*'] : names });
    if (answer.status !== 201) throw new Error(`POST /webhooks: ${answer.text}`);
    endpoints.push(Object.assign(endpoint, { id: answer.json.data.id, wants: names }));
  }
  return endpoints;
}
