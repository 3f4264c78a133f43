// An endpoint of a client's own, on loopback: answers the verification challenge, keeps every
// delivery, and behaves as it is told.
import http from 'node:http';

// -> {url, deliveries, behave, stop()}. `behave(delivery)` gives the answer to each: a status, or
// {status, headers, body, delay (ms), cut: true, hang: true}; undefined is 200.
export async function startReceiver(t, { port = 0, verify = true } = {}) {
  const receiver = { deliveries: [], verifications: [], behave: () => 200 };
  const server = http.createServer((request, response) => {
    const chunks = [];
    request.on('data', (d) => chunks.push(d));
    request.on('end', async () => {
      const raw = Buffer.concat(chunks);
      let json = null;
      try { json = JSON.parse(raw); } catch { /* the test sees raw */ }
      if (json?.type === 'verification') {
        receiver.verifications.push({ headers: request.headers, json, url: request.url });
        const answer = typeof verify === 'function' ? verify(json) : { challenge: json.challenge };
        response.writeHead(verify ? answer.status ?? 200 : 404, { 'Content-Type': 'application/json' });
        response.end(verify ? JSON.stringify({ challenge: answer.challenge }) : '');
        return;
      }
      const delivery = { at: Date.now(), headers: request.headers, raw, json, url: request.url };
      receiver.deliveries.push(delivery);
      const how = receiver.behave(delivery) ?? 200;
      const answer = typeof how === 'number' ? { status: how } : how;
      if (answer.delay) await new Promise((resolve) => setTimeout(resolve, answer.delay));
      if (answer.hang) return;
      if (answer.cut) { request.socket.destroy(); return; }
      response.writeHead(answer.status ?? 200, answer.headers);
      response.end(answer.body ?? 'ok');
    });
  });
  server.keepAliveTimeout = 60000;
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  receiver.port = server.address().port;
  receiver.url = `http://127.0.0.1:${receiver.port}/hook`;
  receiver.stop = () => new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
  t?.after(() => receiver.stop());
  return receiver;
}

export const LOCAL = ['--webhook-allow-http', 'true', '--webhook-allow-private', 'true'];
