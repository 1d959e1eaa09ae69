// What the fakes of mail relays and chat services share: options, a log of what came, a port file.

import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { parseArgs } from 'node:util';

const BODY_LIMIT = 1024 * 1024;

/** --log FILE and --port-file FILE, --cert and --key FILE for TLS, and `more`. */
export function serviceOptions(more = {}) {
  const { values } = parseArgs({
    options: {
      log: { type: 'string' },
      'port-file': { type: 'string' },
      cert: { type: 'string' },
      key: { type: 'string' },
      ...more,
    },
  });
  if (!values.log || !values['port-file']) throw new Error('--log and --port-file are required');
  return values;
}

/** Both files of TLS, or nothing. */
export function tlsFiles(options) {
  if (!options.cert) return undefined;
  return { cert: fs.readFileSync(options.cert), key: fs.readFileSync(options.key) };
}

/** Appends a line of JSON; the file is complete before whoever sent it hears an answer. */
export function write(options, entry) {
  fs.appendFileSync(options.log, `${JSON.stringify(entry)}\n`);
}

/** Says where it listens, last of all: the file's name appears with its content in it. */
export function announce(options, port) {
  fs.writeFileSync(`${options['port-file']}.new`, `${port}\n`);
  fs.renameSync(`${options['port-file']}.new`, options['port-file']);
}

/** Serves POST requests with JSON: `answer({ path, headers, body })` gives { status, headers, body }. */
export function serveJson(options, answer) {
  const tls = tlsFiles(options);
  const handler = (request, response) => {
    let text = '';
    request.setEncoding('utf8');
    request.on('data', (piece) => {
      text += piece;
      if (text.length > BODY_LIMIT) request.destroy();
    });
    request.on('end', () => {
      let body;
      try {
        body = JSON.parse(text);
      } catch {
        body = undefined;
      }
      const what = { path: request.url, method: request.method, headers: request.headers, body };
      const result = answer(what);
      write(options, { ...what, at: Date.now(), status: result.status, answer: result.body });
      const json = typeof result.body !== 'string';
      response.writeHead(result.status, {
        'Content-Type': json ? 'application/json; charset=utf-8' : 'text/html',
        ...result.headers,
      });
      response.end(json ? JSON.stringify(result.body) : result.body);
    });
  };
  const server = tls ? https.createServer(tls, handler) : http.createServer(handler);
  server.listen(0, '127.0.0.1', () => announce(options, server.address().port));
  process.on('SIGTERM', () => process.exit(0));
}
