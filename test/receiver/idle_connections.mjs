#!/usr/bin/env node
// Holds as many connections to a PostgreSQL server as it grants, up to a number, and does nothing
// with them. One that is refused or lost is asked for again, until SIGTERM.
//
//   node idle_connections.mjs --to SOCKET_PATH --user NAME --count N

import net from 'node:net';
import { parseArgs } from 'node:util';

const RETRY_MS = 50;
const PROTOCOL = 3 << 16;

const { values } = parseArgs({
  options: { to: { type: 'string' }, user: { type: 'string' }, count: { type: 'string' } },
});

// The server must trust us: nothing it asks is answered.
function startup() {
  const settings = { user: values.user, database: 'postgres', application_name: 'idle' };
  const text = Object.entries(settings).flat().join('\0') + '\0\0';
  const message = Buffer.alloc(8 + Buffer.byteLength(text));
  message.writeInt32BE(message.length, 0);
  message.writeInt32BE(PROTOCOL, 4);
  message.write(text, 8);
  return message;
}

function hold() {
  const socket = net.connect(values.to, () => socket.write(startup()));
  socket.on('data', () => {});
  socket.on('error', () => {}); // "close" follows
  socket.on('close', () => setTimeout(hold, RETRY_MS));
}

for (let i = 0; i < Number(values.count); i++) hold();
process.once('SIGTERM', () => process.exit(0));
