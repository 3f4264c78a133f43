// A webhook receiver of a test's own: it answers challenges, and keeps what it is sent.
//
//   const receiver = await startReceiver(t, { verifyToken: 'v' });
//   receiver.url             "http://127.0.0.1:PORT/hook"
//   receiver.challenges      the queries of all challenges
//   receiver.requests        all POSTs: { path, headers, raw (a Buffer), body, status }
//   receiver.changes()       [entry id, field, value] of all that were answered 200
//   receiver.stop()          its port is free again; the end of the test stops it too
//   receiver.plan.push(500)  how the next POSTs are answered: a status, 'cut', or 'hang'
//   receiver.decide = f      f(body) says so of each; undefined: the plan's next, else 200
import { once } from 'node:events';
import { createServer } from 'node:http';

function bodyOf(request) {
  return new Promise((resolve, reject) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => resolve(Buffer.concat(chunks)));
    request.on('error', reject);
  });
}

function answerChallenge(receiver, url, response) {
  const query = Object.fromEntries(url.searchParams);
  receiver.challenges.push(query);
  if (query['hub.mode'] === 'subscribe' && query['hub.verify_token'] === receiver.verifyToken)
    response.end(query['hub.challenge']);
  else
    response.writeHead(403).end('no');
}

async function take(receiver, request, response) {
  const raw = await bodyOf(request);
  const body = JSON.parse(raw);
  const status = receiver.decide(body) ?? receiver.plan.shift() ?? 200;
  receiver.requests.push({ path: request.url, headers: request.headers, raw, body, status });
  if (status === 'cut') request.socket.destroy();
  else if (status !== 'hang') response.writeHead(status).end();
}

export async function startReceiver(t, { verifyToken = 'verify-token', port = 0 } = {}) {
  const receiver = { verifyToken, challenges: [], requests: [], plan: [], decide: () => undefined };
  const server = createServer((request, response) => {
    const url = new URL(request.url, 'http://receiver');
    if (request.method === 'GET') answerChallenge(receiver, url, response);
    else take(receiver, request, response).catch(() => request.socket.destroy());
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  receiver.stop = () => { server.close(); server.closeAllConnections(); };
  t.after(receiver.stop);
  receiver.port = server.address().port;
  receiver.url = `http://127.0.0.1:${receiver.port}/hook`;
  receiver.changes = () => receiver.requests
    .filter(({ status }) => status === 200)
    .flatMap(({ body }) => body.entry.flatMap(({ id, changes }) =>
      changes.map(({ field, value }) => [id, field, value])));
  return receiver;
}
