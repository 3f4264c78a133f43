// What one would write in Node.js in an afternoon: checks the signature, answers a constant.
//   node plain_server.mjs SECRET < BODY        prints its port
import { createHmac, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

const secret = process.argv[2];
const body = readFileSync(0);
const BASE = '/api/developer';

const server = createServer((request, response) => {
  const text = request.method + request.url.slice(BASE.length) + request.headers['x-timestamp'];
  const expected = `sha256=${createHmac('sha256', secret).update(text).digest('hex')}`;
  const given = request.headers['x-awal-signature-256'] ?? '';
  const right = given.length === expected.length &&
    timingSafeEqual(Buffer.from(given), Buffer.from(expected));
  response.writeHead(right ? 200 : 401, {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': right ? body.length : 0,
  });
  response.end(right ? body : undefined);
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
