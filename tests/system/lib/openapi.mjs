// The server's own description of its API, and whether answers keep to it: schemas as they stand in
// the document, read by ajv in its strict mode. A property, a header, a status or an error code that
// the document does not have is a complaint.
import Ajv2020 from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { sign } from './hudhud.mjs';

export const METHODS = ['get', 'put', 'post', 'delete', 'patch'];
const ROOT = 'https://hudhud.test/openapi.json';

// Headers of HTTP itself, which OpenAPI does not describe (Content-Type) or which say how an answer
// travels and not what it says.
const PLAIN_HEADERS = new Set(['content-type', 'content-length', 'date', 'connection', 'keep-alive',
  'vary', 'content-encoding', 'cache-control', 'transfer-encoding', 'x-accel-buffering']);

// A document -> its operations and the checks of them.
export function readDocument(document) {
  const ajv = new Ajv2020({ strict: true, allErrors: true, allowUnionTypes: true });
  addFormats(ajv);
  // The document itself is no schema: its schemas are reached by pointers into it.
  for (const word of Object.keys(document)) ajv.addKeyword(word);
  ajv.addSchema(document, ROOT);
  const pointer = (path) => '#/' + path.map((part) =>
    encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/');
  const resolve = (node) => (node.$ref
    ? node.$ref.slice(2).split('/').reduce((at, part) => at[part], document) : node);
  const where = (node, path) => (node.$ref ? node.$ref.slice(2).split('/') : path);

  const operations = new Map();
  for (const [path, item] of Object.entries(document.paths)) {
    for (const method of METHODS) {
      if (!item[method]) continue;
      const at = ['paths', path, method];
      operations.set(item[method].operationId, { ...item[method], path, method, at });
    }
  }

  const responseOf = (operation, status) => {
    const node = operation.responses[status];
    if (!node) return null;
    const path = where(node, [...operation.at, 'responses', String(status)]);
    return { ...resolve(node), at: path };
  };
  const compile = (path) => ajv.getSchema(ROOT + pointer(path)) ??
    assert.fail(`no schema at ${pointer(path)}`);

  function checkHeaders(label, response, headers) {
    const known = Object.fromEntries(Object.entries(response.headers ?? {})
      .map(([name, node]) => [name.toLowerCase(), resolve(node)]));
    for (const [name, header] of Object.entries(known)) {
      const value = headers.get(name);
      if (value === null) assert.ok(!header.required, `${label}: ${name} is missing`);
      else if (header.schema.type === 'integer') assert.match(value, /^\d+$/, `${label}: ${name}`);
    }
    for (const [name] of headers) {
      assert.ok(known[name] || PLAIN_HEADERS.has(name), `${label}: ${name} is not documented`);
    }
  }

  // An answer against what is said of it -> the key it is documented under: "200", "404 not_found".
  function checkAnswer(operationId, answer) {
    const operation = operations.get(operationId);
    const label = `${operationId} ${answer.status} ${answer.text.slice(0, 300)}`;
    const response = responseOf(operation, answer.status);
    assert.ok(response, `${label}: this status is not documented`);
    checkHeaders(label, response, answer.headers);
    if (!response.content) {
      assert.equal(answer.text, '', `${label}: has a body`);
      return String(answer.status);
    }
    if (response.content['text/event-stream']) {
      assert.equal(answer.headers.get('content-type'), 'text/event-stream', label);
      assert.ok(answer.text.startsWith('retry: '), label);
      return String(answer.status);
    }
    assert.equal(answer.headers.get('content-type'), 'application/json; charset=utf-8', label);
    const validate = compile([...response.at, 'content', 'application/json', 'schema']);
    assert.ok(validate(answer.json), `${label}: ${ajv.errorsText(validate.errors)}`);
    const { examples } = response.content['application/json'];
    if (!answer.json.error) return String(answer.status);
    assert.ok(examples[answer.json.error], `${label}: this code is not documented`);
    return `${answer.status} ${answer.json.error}`;
  }

  // What is documented of an operation, under the same keys.
  function documentedKeys(operationId) {
    const operation = operations.get(operationId);
    return Object.keys(operation.responses).flatMap((status) => {
      const { examples } = responseOf(operation, status).content?.['application/json'] ?? {};
      return examples ? Object.keys(examples).map((code) => `${status} ${code}`) : [status];
    });
  }

  const bodyOfEvent = (name) => compile(
    ['webhooks', name, 'post', 'requestBody', 'content', 'application/json', 'schema']);

  // A delivery against what is said of its event: its headers and its body.
  function checkEvent({ headers, body }) {
    const json = JSON.parse(body);
    const label = `${json.event} ${body}`;
    const event = document.webhooks[json.event]?.post;
    assert.ok(event, `${label}: this event is not documented`);
    const known = new Map(event.parameters.map(resolve).map((p) => [p.name.toLowerCase(), p]));
    for (const [name, parameter] of known)
      assert.ok(headers[name] || !parameter.required, `${label}: ${name} is missing`);
    for (const name of Object.keys(headers).filter((one) => /^(x-|webhook-)/.test(one)))
      assert.ok(known.has(name), `${label}: ${name} is not documented`);
    const validate = bodyOfEvent(json.event);
    assert.ok(validate(json), `${label}: ${ajv.errorsText(validate.errors)}`);
    return json.event;
  }

  // Every example is what its own schema asks for.
  function checkExamples() {
    let n = 0;
    for (const [name, { post }] of Object.entries(document.webhooks)) {
      n++;
      const { example } = post.requestBody.content['application/json'];
      const validate = bodyOfEvent(name);
      assert.ok(validate(example), `${name}: ${ajv.errorsText(validate.errors)}`);
    }
    for (const operation of operations.values()) {
      const bodies = Object.keys(operation.responses).map((s) => responseOf(operation, s));
      if (operation.requestBody)
        bodies.push({ ...operation.requestBody, at: [...operation.at, 'requestBody'] });
      for (const body of bodies) {
        const media = body.content?.['application/json'];
        if (!media) continue;
        const validate = compile([...body.at, 'content', 'application/json', 'schema']);
        const examples = media.examples
          ? Object.values(media.examples).map((one) => one.value) : [media.example];
        for (const example of examples) {
          n++;
          assert.ok(validate(example), `${operation.operationId}: ${JSON.stringify(example)}: ` +
            ajv.errorsText(validate.errors));
        }
      }
      for (const [i, node] of operation.parameters.entries()) {
        const parameter = resolve(node);
        if (parameter.example === undefined) continue;
        n++;
        const path = where(node, [...operation.at, 'parameters', String(i)]);
        const validate = compile([...path, 'schema']);
        assert.ok(validate(parameter.example), `${parameter.name}: ${parameter.example}`);
      }
    }
    return n;
  }

  const validateBody = (operationId, body) => {
    const { at } = operations.get(operationId);
    const validate = compile([...at, 'requestBody', 'content', 'application/json', 'schema']);
    return validate(body) ? null : ajv.errorsText(validate.errors);
  };

  return { operations, checkAnswer, checkEvent, checkExamples, documentedKeys, validateBody };
}

// One request exactly as told, which fetch would refuse or mend: a GET with a body, a header that is
// missing -> {status, headers, text, json}. `from`: the address of ours that it comes from.
export function rawRequest(url, method, path, headers, body, from) {
  return new Promise((resolve, reject) => {
    const options = { method, headers, agent: false, localAddress: from };
    const req = request(`${url}/api/developer${path}`, options, (res) => {
      const chunks = [];
      const done = () => {
        const text = Buffer.concat(chunks).toString();
        let json = null;
        try { json = JSON.parse(text); } catch { /* the test sees text */ }
        resolve({ status: res.statusCode, headers: new Headers(res.headers), text, json });
      };
      // A stream has no end: its beginning is enough.
      const endless = res.headers['content-type'] === 'text/event-stream';
      res.on('data', (d) => {
        chunks.push(d);
        if (endless) { done(); req.destroy(); }
      });
      res.on('end', done);
      res.on('error', reject);
    });
    req.on('error', reject);
    req.end(body);
  });
}

// The same, signed; what is in `headers` replaces or, where null, removes what would be sent.
export function signedRequest(url, method, path, creds, { body, headers = {}, from } = {}) {
  const all = { ...sign(method, path, body, creds) };
  if (body !== undefined) {
    all['Content-Type'] = 'application/json';
    all['Content-Length'] = Buffer.byteLength(body);
  }
  for (const [name, value] of Object.entries(headers)) {
    if (value === null) delete all[name];
    else all[name] = value;
  }
  return rawRequest(url, method, path, all, body, from);
}
