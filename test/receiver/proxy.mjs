#!/usr/bin/env node
// A network between a client and a server that can be told to fail.
//
//   node proxy.mjs --to SOCKET_PATH --port-file FILE
//
// The port file gets two lines: the port that is forwarded, and the port that
// takes commands, each a line answered with "ok":
//
//   cut      nothing is forwarded any more, and all connections stay open
//   restore  goes on where it was cut
//   forget   as restore, but the connections that were cut stay dead, and open
//   reset    resets all connections

import fs from 'node:fs';
import net from 'node:net';
import readline from 'node:readline';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: { to: { type: 'string' }, 'port-file': { type: 'string' } },
});

let cut = false;
const pairs = new Set();

class Pair {
  constructor(client) {
    this.client = client;
    this.server = null;
    pairs.add(this);
    client.pause();
    this.#end(client);
    if (!cut) this.resume();
  }

  #end(socket) {
    socket.on('error', () => {}); // "close" follows
    socket.on('close', () => {
      pairs.delete(this);
      // A cut hides the end of a connection, too.
      if (cut || this.dead) return;
      this.client.destroy();
      this.server?.destroy();
    });
  }

  #forward(from, to) {
    from.on('data', (data) => {
      if (!to.write(data)) {
        from.pause();
        to.once('drain', () => cut || this.dead || from.resume());
      }
    });
    from.on('end', () => to.end());
  }

  resume() {
    if (this.server === null) {
      this.server = net.connect(values.to);
      this.#end(this.server);
      this.#forward(this.client, this.server);
      this.#forward(this.server, this.client);
    }
    this.client.resume();
    this.server.resume();
  }

  pause() {
    this.client.pause();
    this.server?.pause();
  }

  reset() {
    this.client.resetAndDestroy();
    this.server?.destroy();
  }
}

const commands = {
  cut() {
    cut = true;
    for (const pair of pairs) pair.pause();
  },
  restore() {
    cut = false;
    for (const pair of pairs) if (!pair.dead) pair.resume();
  },
  forget() {
    for (const pair of pairs) pair.dead = true;
    commands.restore();
  },
  reset() {
    for (const pair of pairs) pair.reset();
  },
};

const forwarder = net.createServer({ allowHalfOpen: true }, (client) => new Pair(client));
const control = net.createServer((socket) => {
  readline.createInterface({ input: socket }).on('line', (line) => {
    if (Object.hasOwn(commands, line)) {
      commands[line]();
      socket.write('ok\n');
    } else {
      socket.end('no such command\n');
    }
  });
});

forwarder.listen(0, '127.0.0.1', () => {
  control.listen(0, '127.0.0.1', () => {
    const file = values['port-file'];
    fs.writeFileSync(`${file}.new`, `${forwarder.address().port}\n${control.address().port}\n`);
    fs.renameSync(`${file}.new`, file);
  });
});
process.once('SIGTERM', () => process.exit(0));
