// What the rows about delivery need beside the server: receivers of webhooks, and the listener.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import { connect, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { psql } from './psql.mjs';

const build = new URL('../../build/', import.meta.url).pathname;
export const barePost = join(build, 'bench/bare_post');
export const commitToArrival = join(build, 'bench/commit_to_arrival');

export const directory = mkdtempSync(join(tmpdir(), 'dashboard_diff_bench.'));
chmodSync(directory, 0o755); // nginx' workers are another user
const children = new Set();
process.on('exit', () => {
  for (const child of children) child.kill(child.signal);
  rmSync(directory, { recursive: true, force: true });
});

// What autovacuum, which is off, would do.
export const vacuum = () =>
  psql(`VACUUM (ANALYZE) dashboard_snapshots, dashboard_subscriptions, dashboard_diffs,
                         dashboard_alerts, dashboard_deliveries`);

export const waitFor = async (what, condition, seconds = 60) => {
  const deadline = performance.now() + seconds * 1000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited in vain: ${what}`);
    await sleep(20);
  }
};

// A child process that does not outlive this one. "done" is its exit status.
const start = (command, args, stderr) => {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', stderr] });
  child.signal = 'SIGKILL';
  children.add(child);
  child.done = once(child, 'close').then(([status]) => {
    children.delete(child);
    return status;
  });
  return child;
};

// Runs a program to its end; what it printed.
export const run = async (command, ...args) => {
  const child = start(command, args, 'inherit');
  let text = '';
  for await (const chunk of child.stdout) text += chunk;
  if ((await child.done) !== 0) throw new Error(`${command} failed`);
  return text;
};

export const freePort = async () => {
  const server = createTcpServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
};

const answers = async (port) => {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
};

// nginx that answers every request with 204. That alone would not wait for the body: the buffer holds
// the largest request (20 kB and its headers), so that one read takes all of it before the answer.
export const startNginx = async () => {
  const port = await freePort();
  const config = join(directory, 'nginx.conf');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${directory}/${name};`)
    .join('\n  ');
  writeFileSync(
    config,
    `daemon off;
worker_processes auto;
pid ${directory}/nginx.pid;
error_log stderr emerg;
events { worker_connections 4096; }
http {
  access_log off;
  keepalive_requests 1000000000;
  client_header_buffer_size 32k;
  ${temporary}
  server {
    listen ${port};
    return 204;
  }
}
`,
  );
  const nginx = start('/usr/sbin/nginx', ['-c', config], 'inherit');
  nginx.signal = 'SIGTERM'; // its workers would outlive a master that is killed
  await waitFor('nginx', () => answers(port));
  return { port, pid: nginx.pid };
};

// Takes every request, and keeps it as bare_post reads it: path, header lines, body.
export const startRecorder = async () => {
  const requests = [];
  // What curl adds by itself.
  const own = new Set(['host', 'accept', 'content-length']);
  const server = createServer((request, response) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const lines = [request.url];
      for (let i = 0; i < request.rawHeaders.length; i += 2) {
        const [name, value] = request.rawHeaders.slice(i, i + 2);
        if (!own.has(name.toLowerCase())) lines.push(`${name}: ${value}`);
      }
      requests.push({ head: lines.join('\n'), body: Buffer.concat(chunks).toString() });
      response.writeHead(204).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: server.address().port,
    requests,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
};

// The listener on a database, with what lets it post to this machine. Its log goes to a file, as a
// service's does.
export const startListener = (database, ...options) => {
  const log = join(directory, 'listener.log');
  const fd = openSync(log, 'w');
  const child = start(
    join(build, 'dashboard_diff_listener'),
    [
      ['--dsn', `dbname=${database}`, '--key-file', join(directory, 'listener.key')],
      ['--allow-http', '--allow-network', '127.0.0.0/8', ...options],
    ].flat(),
    fd,
  );
  closeSync(fd);
  child.log = () => readFileSync(log, 'utf8');
  return child;
};
