// Many callers at once: connections that say nothing, and requests that are wrong. They come from
// several addresses of this machine (Linux has all of 127.0.0.0/8), as real ones would.
import http from 'node:http';
import net from 'node:net';

const AT_ONCE = 250;
const FIRST_ADDRESS = 10; // 127.0.0.10; those below are for callers of the test itself

const address = (i) => `127.0.0.${FIRST_ADDRESS + i}`;

function connect(port, from) {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ port, host: '127.0.0.1', localAddress: from });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      socket.on('error', () => {});
      socket.resume();
      resolve(socket);
    });
  });
}

// Opens `count` connections, `perAddress` from each address, and leaves them; `bytes(i)` is what the
// i-th one says before it falls silent -> {open(), close()}.
export async function openIdle(port, count, { perAddress = 250, bytes = () => '' } = {}) {
  const sockets = [];
  for (let i = 0; i < count; i += AT_ONCE) {
    const n = Math.min(AT_ONCE, count - i);
    sockets.push(...await Promise.all(Array.from({ length: n }, async (_, j) => {
      const socket = await connect(port, address(Math.floor((i + j) / perAddress)));
      const text = bytes(i + j);
      if (text) socket.write(text);
      return socket;
    })));
  }
  return {
    open: () => sockets.filter((socket) => !socket.destroyed && !socket.readableEnded).length,
    close: () => sockets.forEach((socket) => socket.destroy()),
  };
}

// Sends the same request over `connections` connections from one address, as fast as it is answered,
// until stop() -> {stop(): {status: how many}}; a connection that was cut counts as status 0.
export function startFlood(port, { connections = 16, from = '127.0.0.9', path, headers }) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: connections });
  const answers = {};
  let running = true;
  const once = () => new Promise((resolve) => {
    const count = (status) => { answers[status] = (answers[status] ?? 0) + 1; resolve(); };
    http.get({ host: '127.0.0.1', port, path, headers, agent, localAddress: from }, (answer) => {
      answer.resume();
      answer.on('end', () => count(answer.statusCode)).on('error', () => count(0));
    }).on('error', () => count(0));
  });
  const workers = Array.from({ length: connections }, async () => {
    while (running) await once();
  });
  return {
    async stop() {
      running = false;
      await Promise.all(workers);
      agent.destroy();
      return answers;
    },
  };
}
