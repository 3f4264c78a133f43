// Requests as they go over the wire: with these headers and no others, this path byte for byte, and the
// answer undecoded. What fetch() would tidy up, some tests have to see.
import http from 'node:http';
import path from 'node:path';

// One request -> {status, headers, bytes, text, json}; rejects when the connection broke. `options` are
// http.request's; an address may stand in `options.url`.
export function exchange({ url, ...options }, body) {
  return new Promise((resolve, reject) => {
    const wanted = (answer) => {
      const parts = [];
      answer.on('data', (part) => parts.push(part));
      answer.on('error', reject);
      answer.on('end', () => {
        if (!answer.complete) return reject(new Error('the answer was cut off'));
        const bytes = Buffer.concat(parts);
        return resolve({ status: answer.statusCode, headers: answer.headers, bytes, text: bytes.toString(),
          get json() { return this.text && JSON.parse(this.text); } });
      });
    };
    const request = url ? http.request(url, options, wanted) : http.request(options, wanted);
    request.on('error', reject);
    request.end(body);
  });
}

// A request to the control socket, as the commands make it -> the answer.
export function admin(data, method, where, body = {}, headers = {}) {
  return exchange({
    socketPath: path.join(data, 'control.sock'), path: `/admin${where}`, method,
    headers: { 'Content-Type': 'application/json', ...headers },
  }, JSON.stringify(body));
}

// The same where the server may be killed meanwhile -> its data; null when it was cut off or refused:
// then nothing was acknowledged.
export async function adminIfAlive(data, method, where, body) {
  try {
    const { json } = await admin(data, method, where, body);
    return json.status === true ? json.data : null;
  } catch {
    return null;
  }
}
