// Certificates made for a test by openssl, and callers over TLS.
import { copyFileSync, readFileSync } from 'node:fs';
import https from 'node:https';
import path from 'node:path';
import tls from 'node:tls';
import { runProgram, sign, temporaryFolder } from './hudhud.mjs';

// A folder with a certificate that signed itself, and its key -> {certificate, key, args, pem(),
// become(another)}.
export async function makeCertificate() {
  const folder = temporaryFolder();
  const certificate = path.join(folder, 'certificate.pem');
  const key = path.join(folder, 'key.pem');
  const made = await runProgram('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt',
    'ec_paramgen_curve:P-256', '-nodes', '-days', '30', '-subj', '/CN=localhost',
    '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost', '-keyout', key, '-out', certificate]);
  if (made.status !== 0) throw new Error(made.stderr);
  return {
    certificate,
    key,
    args: ['--tls-certificate-file', certificate, '--tls-key-file', key],
    pem: () => readFileSync(certificate, 'utf8'),
    // Another pair in the place of this one, as after a renewal.
    become(another) {
      copyFileSync(another.key, key);
      copyFileSync(another.certificate, certificate);
    },
  };
}

// One signed GET over TLS -> {status, text, serial}: the serial number of the server's certificate.
export function getSecure(port, request, creds, { ca, agent }) {
  return new Promise((resolve, reject) => {
    const headers = sign('GET', request, undefined, creds);
    https.get({ host: '127.0.0.1', port, path: `/api/developer${request}`, headers, ca, agent },
      (answer) => {
        const serial = answer.socket.getPeerCertificate().serialNumber;
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (d) => { text += d; });
        answer.on('end', () => resolve({ status: answer.statusCode, text, serial }));
        answer.on('error', reject);
      }).on('error', reject);
  });
}

// A handshake -> {protocol, alpn, serial}; rejects when the server refuses it.
export function shakeHands(port, options) {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ host: '127.0.0.1', port, ...options }, () => {
      resolve({
        protocol: socket.getProtocol(),
        alpn: socket.alpnProtocol,
        serial: socket.getPeerCertificate().serialNumber,
      });
      socket.destroy();
    }).on('error', reject);
  });
}
