// Malformed and hostile HTTP against the real binary, byte for byte: each case names the rule that it
// breaks (RFC 9112 unless another is named) or the smuggling form that it is. Behind each case comes a
// well-formed signed request on the same connection: either the connection is closed after the
// refusal, or that request is answered, once. No byte of a case ever becomes a request of its own.
//
// The same policy, cut at every byte, is in tests/unit/http/parser_test.c.
import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, test } from 'node:test';
import { createClient, initFolder, sign, startServe } from './lib/hudhud.mjs';
import { sleep } from './lib/world.mjs';

const TARGET = '/api/developer/waba-numbers';
const PATIENCE_MS = 20000;

/* --- requests: signed as the API wants it, so that only HTTP can be what is wrong -------------- */

let server;
const clients = []; // several, so that no rate limit of one has a say here
let turn = 0;

function signature(method, body) {
  const headers = sign(method, '/waba-numbers', body, clients[turn++ % clients.length]);
  return Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join('');
}

// One header line, or several, that the case is about; the rest of the request is in order.
const get = (lines = '', { line = `GET ${TARGET} HTTP/1.1`, host = 'Host: x\r\n' } = {}) =>
  () => `${line}\r\n${host}${signature('GET', '')}${lines}\r\n`;

// `body` is what is signed, `sent` what stands behind the header.
const post = (lines, sent, { line = `POST ${TARGET} HTTP/1.1`, body = '{}' } = {}) =>
  () => `${line}\r\nHost: x\r\nContent-Type: application/json\r\n${signature('POST', body)}${lines}` +
    `\r\n${sent}`;

const chunked = (sent, body) => post('Transfer-Encoding: chunked\r\n', sent, { body });
const coding = (value) => post(`Transfer-Encoding: ${value}\r\n`, '2\r\n{}\r\n0\r\n\r\n');
const length = (value) => post(`Content-Length: ${value}\r\n`, '{}');
const target = (text) => get('', { line: `GET ${text} HTTP/1.1` });
const version = (text) => get('', { line: `GET ${TARGET} ${text}` });
const line = (text) => get('', { line: text });
const bytes = (text) => () => text;

// What would be answered if a body were taken for a request.
const INNER = `GET ${TARGET}/smuggled HTTP/1.1\r\nHost: x\r\n\r\n`;
const hex = (text) => text.length.toString(16);
const many = (n, make) => Array.from({ length: n }, (_, i) => make(i)).join('');

/* --- the cases: [name, rule, request, answers, what becomes of the follower] ------------------- */

const GET_DONE = '404 resource_not_found'; // the workspace has no numbers
const POST_DONE = '400 validation_failed'; // {} links nothing
const BAD = '400 bad_request';
const LARGE = '413 payload_too_large';
const FIELDS = '431 headers_too_large';
const CODING = '501 not_implemented';
const VERSION = '505 http_version_not_supported';

const refused = (answer) => ({ answers: [answer], follows: false });
const answered = (...answers) => ({ answers, follows: true });

const cases = [
  /* smuggling: two readers of one message disagree about where it ends */
  ['CL.TE', '§6.1, §11.2', post('Content-Length: 6\r\nTransfer-Encoding: chunked\r\n', `0\r\n\r\nG`), refused(BAD)],
  ['CL.TE with a whole request inside', '§6.1, §11.2',
    post(`Content-Length: ${INNER.length + 5}\r\nTransfer-Encoding: chunked\r\n`, `0\r\n\r\n${INNER}`), refused(BAD)],
  ['TE.CL', '§6.1, §11.2',
    post('Transfer-Encoding: chunked\r\nContent-Length: 4\r\n', `${hex(INNER)}\r\n${INNER}\r\n0\r\n\r\n`), refused(BAD)],
  ['CL.0: a length, and a reader that ignores it', '§6.3', post(`Content-Length: ${INNER.length}\r\n`, INNER, { body: INNER }),
    answered('400 invalid_json')],
  ['TE.0: chunks, and a reader that ignores them', '§7.1', chunked(`${hex(INNER)}\r\n${INNER}\r\n0\r\n\r\n`, INNER),
    answered('400 invalid_json')],
  ['CL of the whole follower: it is the body', '§6.3', (follower) =>
    post(`Content-Length: ${follower.length}\r\n`, '', { body: follower })(), { answers: ['400 invalid_json'], swallows: true }],
  ['TE.TE: xchunked', '§6.1', coding('xchunked'), refused(CODING)],
  ['TE.TE: chunkedx', '§6.1', coding('chunkedx'), refused(CODING)],
  ['TE.TE: identity', '§6.1', coding('identity'), refused(CODING)],
  ['TE.TE: chunked, identity', '§6.1', coding('chunked, identity'), refused(CODING)],
  ['TE.TE: identity, chunked', '§6.1', coding('identity, chunked'), refused(CODING)],
  ['TE.TE: gzip, chunked', '§6.1', coding('gzip, chunked'), refused(CODING)],
  ['TE.TE: chunked, chunked', '§6.1', coding('chunked, chunked'), refused(CODING)],
  ['TE.TE: a trailing comma', '§6.1', coding('chunked,'), refused(CODING)],
  ['TE.TE: a leading comma', '§6.1', coding(',chunked'), refused(CODING)],
  ['TE.TE: a parameter', '§6.1', coding('chunked;q=1'), refused(CODING)],
  ['TE.TE: quotes', '§6.1', coding('"chunked"'), refused(CODING)],
  ['TE.TE: a vertical tab before it', '§5.1', coding('\x0bchunked'), refused(BAD)],
  ['TE.TE: a form feed behind it', '§5.1', coding('chunked\x0c'), refused(BAD)],
  ['TE.TE: a byte beyond ASCII', '§6.1', coding('chunked\xa0'), refused(CODING)],
  ['TE.TE: empty', '§6.1', coding(''), refused(CODING)],
  ['TE.TE: two fields', '§6.1',
    post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'), refused(CODING)],
  ['TE.TE: two fields, the second another', '§6.1',
    post('Transfer-Encoding: chunked\r\nTransfer-Encoding: cow\r\n', '0\r\n\r\n'), refused(CODING)],
  ['TE.TE: two fields, the first another', '§6.1',
    post('Transfer-Encoding: cow\r\nTransfer-encoding: chunked\r\n', '0\r\n\r\n'), refused(CODING)],
  ['TE.TE: a blank before the colon', '§5.1', post('Transfer-Encoding : chunked\r\n', '0\r\n\r\n'), refused(BAD)],
  ['TE.TE: a tab before the colon', '§5.1', post('Transfer-Encoding\t: chunked\r\n', '0\r\n\r\n'), refused(BAD)],
  ['TE.TE: folded', '§5.2', post('Transfer-Encoding:\r\n chunked\r\n', '0\r\n\r\n'), refused(BAD)],
  ['TE.TE: behind a bare LF', '§2.2', post('X: y\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'), refused(BAD)],
  ['TE.TE: behind a bare CR', '§2.2', post('X: y\rTransfer-Encoding: chunked\r\n', '0\r\n\r\n'), refused(BAD)],
  ['chunked in mixed case, between blanks', '§7', coding(' \tChUnKeD '), answered(POST_DONE)],
  ['TE.TE: a tab behind it, which others take in', '§6.1', coding('chunked\t'), refused(CODING)],
  ['a name that only looks like it', '§5.1', post('Transfer_Encoding: chunked\r\nContent-Length: 2\r\n', '{}'), answered(POST_DONE)],
  ['chunks on HTTP/1.0', '§6.1', post('Transfer-Encoding: chunked\r\n', '2\r\n{}\r\n0\r\n\r\n',
    { line: `POST ${TARGET} HTTP/1.0` }), refused(BAD)],

  /* Content-Length */
  ['a list of equal lengths', '§6.3', length('2, 2'), refused(BAD)],
  ['a list of different lengths', '§6.3', length('2, 3'), refused(BAD)],
  ['two equal fields', '§6.3', post('Content-Length: 2\r\nContent-Length: 2\r\n', '{}'), refused(BAD)],
  ['two different fields', '§6.3', post('Content-Length: 2\r\nContent-Length: 3\r\n', '{} '), refused(BAD)],
  ['+2', 'RFC 9110 §8.6', length('+2'), refused(BAD)],
  ['-2', 'RFC 9110 §8.6', length('-2'), refused(BAD)],
  ['0x2', 'RFC 9110 §8.6', length('0x2'), refused(BAD)],
  ['2.0', 'RFC 9110 §8.6', length('2.0'), refused(BAD)],
  ['2e0', 'RFC 9110 §8.6', length('2e0'), refused(BAD)],
  ['two words', 'RFC 9110 §8.6', length('2 2'), refused(BAD)],
  ['no digits', 'RFC 9110 §8.6', length(''), refused(BAD)],
  ['quoted', 'RFC 9110 §8.6', length('"2"'), refused(BAD)],
  ['other digits', 'RFC 9110 §8.6', length('\xb2'), refused(BAD)],
  ['over 64 bits: 2^64 + 2', 'RFC 9110 §8.6', length('18446744073709551618'), refused(BAD)],
  ['far over 64 bits', 'RFC 9110 §8.6', length('9'.repeat(500)), refused(BAD)],
  ['2^64 - 1, a lie', 'RFC 9110 §15.5.14', length('18446744073709551615'), refused(LARGE)],
  ['2^63, a lie', 'RFC 9110 §15.5.14', length('9223372036854775808'), refused(LARGE)],
  ['over the limit', 'RFC 9110 §15.5.14', length('999999999'), refused(LARGE)],
  ['blanks around it', '§5.1', length(' \t2 '), answered(POST_DONE)],
  ['a blank before the colon', '§5.1', post('Content-Length : 2\r\n', '{}'), refused(BAD)],
  ['NUL behind the digits', '§5.5', length('2\0'), refused(BAD)],

  /* chunks */
  ['a size without digits', '§7.1', chunked(`\r\n{}\r\n0\r\n\r\n`), refused(BAD)],
  ['a negative size', '§7.1', chunked('-2\r\n{}\r\n0\r\n\r\n'), refused(BAD)],
  ['a size with a plus', '§7.1', chunked('+2\r\n{}\r\n0\r\n\r\n'), refused(BAD)],
  ['a size with 0x', '§7.1', chunked('0x2\r\n{}\r\n0\r\n\r\n'), refused(BAD)],
  ['a blank before the size', '§7.1', chunked(' 2\r\n{}\r\n0\r\n\r\n'), refused(BAD)],
  ['a blank behind the size', '§7.1.1', chunked('2 \r\n{}\r\n0\r\n\r\n'), refused(BAD)],
  ['a size over 64 bits', '§7.1', chunked('10000000000000002\r\n{}\r\n0\r\n\r\n'), refused(BAD)],
  ['a huge size', 'RFC 9110 §15.5.14', chunked('ffffffffffffffff\r\n{}\r\n0\r\n\r\n'), refused(LARGE)],
  ['a size that wraps signed numbers', 'RFC 9110 §15.5.14', chunked('8000000000000000\r\n{}'), refused(LARGE)],
  ['no CR LF behind the data', '§7.1', chunked('2\r\n{}0\r\n\r\n'), refused(BAD)],
  ['a bare LF behind the data', '§7.1', chunked('2\r\n{}\n0\r\n\r\n'), refused(BAD)],
  ['a bare LF behind the size (TERM.EXT)', '§7.1', chunked('2\n{}\r\n0\r\n\r\n'), refused(BAD)],
  ['a bare CR behind the size', '§7.1', chunked('2\r{}\r\n0\r\n\r\n'), refused(BAD)],
  ['more data than said', '§7.1', chunked('2\r\n{}}\r\n0\r\n\r\n'), refused(BAD)],
  ['a bare LF in an extension (EXT.TERM)', '§7.1.1', chunked('2;a\n{}\r\n0\r\n\r\n'), refused(BAD)],
  ['a bare LF in a quoted extension', '§7.1.1', chunked('2;a="\n"\r\n{}\r\n0\r\n\r\n'), refused(BAD)],
  ['NUL in an extension', '§7.1.1', chunked('2;a\0b\r\n{}\r\n0\r\n\r\n'), refused(BAD)],
  ['an extension without end', '§7.1.1', chunked(`2;${'a'.repeat(20000)}`), refused(FIELDS)],
  ['extensions on every chunk, too long together', '§7.1.1',
    chunked(many(2000, () => '1;abcdefghi\r\n \r\n')), refused(FIELDS)],
  ['an extension, which is not looked at', '§7.1.1', chunked('2;a=b;c="d"\r\n{}\r\n0;e\r\n\r\n'), answered(POST_DONE)],
  ['leading zeros of a size', '§7.1', chunked('0002\r\n{}\r\n000\r\n\r\n'), answered(POST_DONE)],
  ['a trailer that would frame: Content-Length', '§7.1.2, RFC 9110 §6.5.1',
    chunked(`2\r\n{}\r\n0\r\nContent-Length: ${INNER.length}\r\n\r\n`), refused(BAD)],
  ['a trailer that would frame: Transfer-Encoding', '§7.1.2, RFC 9110 §6.5.1',
    chunked('2\r\n{}\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n'), refused(CODING)],
  ['trailers that would route and sign: Host, X-Domain', '§7.1.2, RFC 9110 §6.5.1',
    chunked('2\r\n{}\r\n0\r\nHost: evil\r\nX-Domain: evil\r\nX-Client-ID: evil\r\n\r\n'), answered(POST_DONE)],
  ['a trailer with a blank before the colon', '§5.1', chunked('2\r\n{}\r\n0\r\nX : y\r\n\r\n'), refused(BAD)],
  ['a folded trailer', '§5.2', chunked('2\r\n{}\r\n0\r\nX: y\r\n z\r\n\r\n'), refused(BAD)],
  ['NUL in a trailer', '§5.5', chunked('2\r\n{}\r\n0\r\nX: \0\r\n\r\n'), refused(BAD)],
  ['too many trailers', 'RFC 6585 §5', chunked(`2\r\n{}\r\n0\r\n${many(65, (i) => `X-${i}: y\r\n`)}\r\n`), refused(FIELDS)],
  ['trailers too long', 'RFC 6585 §5', chunked(`2\r\n{}\r\n0\r\nX: ${'y'.repeat(17000)}\r\n\r\n`), refused(FIELDS)],

  /* header fields */
  ['a blank before the colon', '§5.1', get('X : y\r\n'), refused(BAD)],
  ['a folded line', '§5.2', get('X: y\r\n z\r\n'), refused(BAD)],
  ['a first line that is folded', '§2.2', get('', { host: ' Host: x\r\n' }), refused(BAD)],
  ['no colon', '§5', get('X\r\n'), refused(BAD)],
  ['no name', '§5', get(': y\r\n'), refused(BAD)],
  ['NUL in a name', '§5', get('X\0Y: z\r\n'), refused(BAD)],
  ['NUL in a value', 'RFC 9110 §5.5', get('X: y\0z\r\n'), refused(BAD)],
  ['bare CR in a value', '§2.2', get('X: y\rz\r\n'), refused(BAD)],
  ['bare LF in a value: an injected field', '§2.2', get('X: y\nX-Domain: evil\r\n'), refused(BAD)],
  ['a control character in a value', 'RFC 9110 §5.5', get('X: \x07\r\n'), refused(BAD)],
  ['a name beyond ASCII', '§5', get('X\xe9: y\r\n'), refused(BAD)],
  ['a name with brackets', '§5', get('X(y): z\r\n'), refused(BAD)],
  ['bare LF ends the header', '§2.2', get('\n'), refused(BAD)],
  ['bare LF ends every line', '§2.2', bytes(`GET ${TARGET} HTTP/1.1\nHost: x\n\n`), refused(BAD)],
  ['more than 64 fields', 'RFC 6585 §5', get(many(65, (i) => `X-${i}: y\r\n`)), refused(FIELDS)],
  ['fields of more than 16 KiB', 'RFC 6585 §5', get(`X: ${'y'.repeat(17000)}\r\n`), refused(FIELDS)],
  ['a field without end', 'RFC 6585 §5', bytes(`GET ${TARGET} HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(100000)}`), refused(FIELDS)],
  ['a name without end', 'RFC 6585 §5', bytes(`GET ${TARGET} HTTP/1.1\r\nHost: x\r\n${'y'.repeat(100000)}`), refused(FIELDS)],

  /* Host */
  ['no Host', '§3.2', get('', { host: '' }), refused(BAD)],
  ['two Hosts', '§3.2', get('Host: y\r\n'), refused(BAD)],
  ['two equal Hosts', '§3.2', get('Host: x\r\n'), refused(BAD)],
  ['two Hosts on HTTP/1.0', '§3.2', get('Host: y\r\n', { line: `GET ${TARGET} HTTP/1.0` }), refused(BAD)],
  ['a Host with a path', '§3.2', get('', { host: 'Host: x/y\r\n' }), refused(BAD)],
  ['a Host with a user', '§3.2', get('', { host: 'Host: a@x\r\n' }), refused(BAD)],
  ['a Host with a blank', '§3.2', get('', { host: 'Host: x y\r\n' }), refused(BAD)],
  ['a Host with a comma of two', '§3.2', get('', { host: 'Host: x, y\r\n' }), refused(BAD)],

  /* the request line */
  ['HTTP/0.9', '§2.3', bytes(`GET ${TARGET}\r\n`), refused(VERSION)],
  ['HTTP/0.9, said', '§2.3', version('HTTP/0.9'), refused(VERSION)],
  ['HTTP/1.2', 'RFC 9110 §15.6.6', version('HTTP/1.2'), refused(VERSION)],
  ['HTTP/2.0', 'RFC 9110 §15.6.6', version('HTTP/2.0'), refused(VERSION)],
  ['the preface of HTTP/2', 'RFC 9113 §3.4', bytes('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), refused(VERSION)],
  ['HTTP/1.1 with more digits', '§2.3', version('HTTP/1.10'), refused(BAD)],
  ['http/1.1', '§2.3', version('http/1.1'), refused(BAD)],
  ['a blank behind the version', '§3', version('HTTP/1.1 '), refused(BAD)],
  ['two blanks before the version', '§3', version(' HTTP/1.1'), refused(BAD)],
  ['a method in lower case', 'RFC 9110 §9.1', line(`get ${TARGET} HTTP/1.1`), refused(CODING)],
  ['a method that nobody knows', 'RFC 9110 §9.1', line(`FROB ${TARGET} HTTP/1.1`), refused(CODING)],
  ['TRACE', 'RFC 9110 §9.3.8', line(`TRACE ${TARGET} HTTP/1.1`), refused(CODING)],
  ['CONNECT, in authority-form', '§3.2.3', line('CONNECT x:443 HTTP/1.1'), refused(CODING)],
  ['a tab between method and target', '§3', line(`GET\t${TARGET} HTTP/1.1`), refused(BAD)],
  ['two blanks before the target', '§3', line(`GET  ${TARGET} HTTP/1.1`), refused(BAD)],
  ['NUL in the method', '§3', line(`GE\0T ${TARGET} HTTP/1.1`), refused(BAD)],
  ['a TLS client hello', '§3', bytes('\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'), refused(BAD)],
  ['absolute-form', '§3.2.2', target(`http://x${TARGET}`), answered(GET_DONE)],
  ['absolute-form: another host than Host', '§3.2.2', target(`http://evil${TARGET}`), refused(BAD)],
  ['authority-form', '§3.2.3', target('x:80'), refused(BAD)],
  ['asterisk-form', '§3.2.4', line('OPTIONS * HTTP/1.1'), refused(BAD)],
  ['a fragment', '§3.2.1', target(`${TARGET}#a`), refused(BAD)],
  ['a blank in the target', '§3.2', target(`${TARGET} a`), refused(BAD)],
  ['NUL in the target', '§3.2', target(`${TARGET}\0`), refused(BAD)],
  ['bytes beyond ASCII in the target', '§3.2', target(`${TARGET}\xff`), refused(BAD)],
  ['a bare CR in the target', '§2.2', target(`${TARGET}\rX: y`), refused(BAD)],
  ['a request line of more than 8 KiB', '§3', target(`${TARGET}?${'a'.repeat(9000)}`), refused('414 uri_too_long')],
  ['a target without end', '§3', bytes(`GET /${'a'.repeat(100000)}`), refused('414 uri_too_long')],
  ['one empty line first', '§2.2', () => `\r\n${get()()}`, answered(GET_DONE)],
  ['two empty lines first', '§2.2', () => `\r\n\r\n${get()()}`, refused(BAD)],
  ['a bare LF first', '§2.2', () => `\n${get()()}`, refused(BAD)],
  ['a blank first', '§2.2', () => ` ${get()()}`, refused(BAD)],

  /* what a lawful message may ask for */
  ['GET with a body', 'RFC 9110 §9.3.1', get(`Content-Length: ${INNER.length}\r\n`), refused(BAD)],
  ['GET with chunks', 'RFC 9110 §9.3.1', get('Transfer-Encoding: chunked\r\n'), refused(BAD)],
  ['GET with a length of 0', 'RFC 9110 §9.3.1', get('Content-Length: 0\r\n'), answered(GET_DONE)],
  ['POST without any length', '§6.3', post('', '', { body: '' }), answered('400 invalid_json')],
  ['Upgrade: h2c', 'RFC 9110 §7.8', get('Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n'),
    answered(GET_DONE)],
  ['Upgrade: websocket', 'RFC 9110 §7.8', get('Connection: Upgrade\r\nUpgrade: websocket\r\n'), answered(GET_DONE)],
  ['Expect: 100-continue', 'RFC 9110 §10.1.1', post('Content-Length: 2\r\nExpect: 100-continue\r\n', '{}'), answered(POST_DONE)],
  ['another expectation', 'RFC 9110 §10.1.1', get('Expect: 200-ok\r\n'), refused('417 expectation_failed')],
  ['two expectations', 'RFC 9110 §10.1.1', get('Expect: 100-continue\r\nExpect: 100-continue\r\n'), refused('417 expectation_failed')],
  ['Connection: close, and more behind it', '§9.6', get('Connection: close\r\n'), refused(GET_DONE)],
  ['Connection: close among others', '§9.6', get('Connection: x, CLOSE, keep-alive\r\n'), refused(GET_DONE)],
  ['Connection names a field that frames (hop-by-hop abuse)', 'RFC 9110 §7.6.1',
    post('Connection: Content-Length, X-Domain\r\nContent-Length: 2\r\n', '{}'), answered(POST_DONE)],
  ['HTTP/1.0 closes', '§9.3', get('', { line: `GET ${TARGET} HTTP/1.0` }), refused(GET_DONE)],
  ['HTTP/1.0 that keeps alive', '§9.3', get('Connection: keep-alive\r\n', { line: `GET ${TARGET} HTTP/1.0` }), answered(GET_DONE)],
  ['two requests in one write', '§9.3.2', () => get()() + get()(), answered(GET_DONE, GET_DONE)],
];

/* --- what came back --------------------------------------------------------------------------- */

const FOLLOWER_DONE = '405 method_not_allowed';
const follower = () => `PUT ${TARGET} HTTP/1.1\r\nHost: x\r\n${signature('PUT', '')}\r\n`;

// All whole answers in `text`: ["404 resource_not_found", ...]. Anything else in it is an error.
function parseAnswers(text) {
  const answers = [];
  for (let rest = text; rest;) {
    const head = rest.match(/^HTTP\/1\.1 (\d{3}) [^\r\n]*\r\n(?:[^\r\n]+\r\n)*\r\n/);
    if (!head) return { answers, rest };
    const size = Number(head[0].match(/\r\nContent-Length: (\d+)\r\n/)?.[1] ?? 0);
    const body = rest.slice(head[0].length, head[0].length + size);
    if (body.length < size) return { answers, rest };
    answers.push(`${head[1]} ${body && JSON.parse(body).error}`.trim());
    rest = rest.slice(head[0].length + size);
  }
  return { answers, rest: '' };
}

class Connection {
  constructor() {
    this.text = '';
    this.ended = false;
    this.socket = net.connect({ port: server.port, host: '127.0.0.1', noDelay: true });
    this.socket.setEncoding('latin1');
    this.socket.on('data', (data) => { this.text += data; });
    this.socket.on('end', () => { this.ended = true; });
    this.socket.on('error', () => { this.ended = true; });
  }

  send(text) { this.socket.write(text, 'latin1'); }

  async until(enough) {
    const end = Date.now() + PATIENCE_MS;
    while (!enough() && Date.now() < end) await sleep(1);
    return parseAnswers(this.text);
  }

  // n answers, or the end.
  take(n) { return this.until(() => this.ended || parseAnswers(this.text).answers.length >= n); }
}

async function check(request, expected, apart) {
  const next = follower();
  const first = request(next);
  const c = new Connection();
  try {
    const want = [...expected.answers];
    if (apart) {
      c.send(first);
      if (!expected.swallows) assert.deepEqual((await c.take(want.length)).answers, want);
      c.send(next);
    } else {
      c.send(first + next);
    }
    if (expected.follows) want.push(FOLLOWER_DONE);
    await c.take(want.length);
    const isClosed = !expected.follows && !expected.swallows;
    if (isClosed) await c.until(() => c.ended);
    else await sleep(20); // whatever else would come
    const { answers, rest } = parseAnswers(c.text);
    assert.deepEqual(answers, want);
    assert.equal(rest, '', 'half an answer');
    assert.equal(c.ended, isClosed, 'the connection is closed exactly when it is of no more use');
  } finally {
    c.socket.destroy();
  }
}

/* --- the tests -------------------------------------------------------------------------------- */

before(async () => {
  const data = await initFolder();
  for (let i = 0; i < 12; i++) clients.push(await createClient(data, `shop${i}`));
  server = await startServe({ data });
});

after(() => server.stop());

test(`${cases.length} malformed or hostile requests, none of which crosses into the next`, async (t) => {
  for (const [name, rule, request, expected] of cases) {
    await t.test(`${name} (${rule})`, async () => {
      await check(request, expected, false);
      await check(request, expected, true);
    });
  }
});
