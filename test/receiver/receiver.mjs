#!/usr/bin/env node
// A webhook receiver that trusts nothing: it verifies each delivery with the
// Standard Webhooks reference implementation and writes down what it saw.
//
//   node receiver.mjs --listen 127.0.0.1:0 --secrets FILE --log FILE.jsonl
//                     [--port-file FILE] [--raw] [--hub-key either|text|decoded]
//                     [--also-listen ADDRESS]... [--tls-cert FILE --tls-key FILE]
//
// --also-listen takes further addresses, on the same port.
// 204: all is right. 400: something is not; the body says what. Faults can be
// asked for by path (see faults.mjs). The secret is looked up under the whole
// path first, then under the path without its fault prefixes.

import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { createHash } from 'node:crypto';
import { parseArgs } from 'node:util';
import { checkBody, checkHeaders, verifyHub, verifyStandard } from './checks.mjs';
import { answer, faultsAt, parseFaults, plannedStatus } from './faults.mjs';
import { SecretsFile } from './secrets.mjs';

const READ_LIMIT = 1024 * 1024;

const HUB_KEYS = { either: ['text', 'decoded'], text: ['text'], decoded: ['decoded'] };

function options() {
  const { values } = parseArgs({
    options: {
      listen: { type: 'string', default: '127.0.0.1:0' },
      secrets: { type: 'string' },
      log: { type: 'string' },
      'port-file': { type: 'string' },
      raw: { type: 'boolean', default: false },
      'hub-key': { type: 'string', default: 'either' },
      'also-listen': { type: 'string', multiple: true, default: [] },
      'tls-cert': { type: 'string' },
      'tls-key': { type: 'string' },
    },
  });
  const listen = /^(?:\[(.+)\]|([^:]+)):(\d+)$/.exec(values.listen);
  if (!values.secrets || !values.log) throw new Error('--secrets and --log are required');
  if (!listen) throw new Error('--listen takes ADDRESS:PORT');
  if (!Object.hasOwn(HUB_KEYS, values['hub-key'])) throw new Error('bad --hub-key');
  return { ...values, host: listen[1] ?? listen[2], port: Number(listen[3]) };
}

// What was seen of each webhook-id and path. Rebuilt from the log at start: a receiver
// that was killed in a test goes on counting where it stopped.
class Sightings {
  #count = new Map();
  #requests = new Map(); // of each subscriber
  #digest = new Map();

  constructor(logFile) {
    if (!fs.existsSync(logFile)) return;
    for (const line of fs.readFileSync(logFile, 'utf8').split('\n')) {
      let entry;
      try {
        entry = JSON.parse(line);
      } catch {
        continue; // the empty end, or a line cut short by a kill
      }
      this.add(entry, []);
    }
  }

  add({ path, id, sha256, verified }, problems) {
    const { rest } = parseFaults(path);
    const request = (this.#requests.get(rest) ?? 0) + 1;
    this.#requests.set(rest, request);
    if (typeof id !== 'string') return { sighting: 1, request };
    // Counted per subscriber, since one message may go to several of them.
    const key = `${rest} ${id}`;
    const sighting = (this.#count.get(key) ?? 0) + 1;
    this.#count.set(key, sighting);
    // Only what is signed can claim an id, else a forgery would spoil the original.
    if (verified) {
      if (!this.#digest.has(id)) this.#digest.set(id, sha256);
      else if (this.#digest.get(id) !== sha256) {
        problems.push('webhook-id: body differs from before');
      }
    }
    return { sighting, request };
  }
}

/**
 * Reads the body. Past the limit nothing more is kept, but all is read: a client
 * that is still sending would not see an answer.
 */
async function readBody(request, problems) {
  const chunks = [];
  let bytes = 0;
  try {
    for await (const chunk of request) {
      bytes += chunk.length;
      if (bytes <= READ_LIMIT) chunks.push(chunk);
    }
  } catch {
    problems.push('body: connection lost while reading');
    return { raw: null, bytes, lost: true };
  }
  if (bytes > READ_LIMIT) {
    problems.push(`body: more than ${READ_LIMIT} bytes, not kept`);
    return { raw: null, bytes, lost: false };
  }
  return { raw: Buffer.concat(chunks), bytes, lost: false };
}

// Not the URL class: it would normalize the path and take "//x" for a host.
function splitUrl(url) {
  const at = url.indexOf('?');
  return at < 0 ? [url, ''] : [url.slice(0, at), url.slice(at)];
}

function makeHandler({ secretsFile, sightings, logFd, config }) {
  return async function handle(request, response) {
    const at = new Date().toISOString();
    const [path, query] = splitUrl(request.url);
    const { fault: asked, rest } = parseFaults(path);
    const problems = [];
    const { raw, bytes, lost } = await readBody(request, problems);

    let secrets = secretsFile.get(path);
    if (secrets.length === 0) secrets = secretsFile.get(rest);

    const { headers } = request;
    let verifiedBy = [];
    let hub = null;
    let body = null;
    if (request.method !== 'POST') {
      problems.push(`method: ${request.method}`);
    } else if (raw !== null) {
      checkHeaders(request, problems);
      verifiedBy = verifyStandard(secrets, raw, headers, problems);
      hub = verifyHub(
        secrets,
        raw,
        headers['x-hub-signature-256'],
        HUB_KEYS[config['hub-key']],
        problems,
      );
      body = checkBody(raw, problems);
    }

    const seen = {
      path,
      id: headers['webhook-id'] ?? null,
      sha256: raw && createHash('sha256').update(raw).digest('hex'),
      verified: verifiedBy.length > 0,
    };
    const { sighting, request: number } = sightings.add(seen, problems);
    const fault = faultsAt(asked, sighting);
    const status = lost ? null : plannedStatus(fault, sighting, number, problems);
    const entry = {
      at,
      to: request.socket.localAddress,
      method: request.method,
      path,
      query,
      id: seen.id,
      timestamp: headers['webhook-timestamp'] ?? null,
      sighting,
      verified: seen.verified,
      verified_by: verifiedBy,
      hub_verified: hub !== null,
      hub_by: hub,
      problems,
      fault,
      status,
      bytes,
      sha256: seen.sha256,
      body,
    };
    if (config.raw) {
      entry.raw = raw && raw.toString('base64');
      entry.headers = headers;
    }
    // Before the answer, so that the log never has less than was acknowledged.
    fs.appendFileSync(logFd, `${JSON.stringify(entry)}\n`);
    if (lost || response.destroyed) return;
    answer(response, { fault, rest, query: new URLSearchParams(query), status, problems });
  };
}

function writePortFile(file, port) {
  // Renamed into place: who waits for the file never reads half of it.
  const temporary = `${file}.${process.pid}`;
  fs.writeFileSync(temporary, `${port}\n`);
  fs.renameSync(temporary, file);
}

function main() {
  let config;
  try {
    config = options();
  } catch (error) {
    console.error(`receiver: ${error.message}`);
    process.exit(2);
  }
  const sightings = new Sightings(config.log);
  const logFd = fs.openSync(config.log, 'a');
  const handle = makeHandler({
    secretsFile: new SecretsFile(config.secrets),
    sightings,
    logFd,
    config,
  });

  const onRequest = (request, response) => {
    response.on('error', () => {}); // a client that goes away is no failure of ours
    handle(request, response).catch((error) => {
      console.error('receiver:', error);
      if (!response.headersSent) response.writeHead(500).end();
    });
  };
  const makeServer = () => {
    const server = config['tls-cert']
      ? https.createServer(
          { cert: fs.readFileSync(config['tls-cert']), key: fs.readFileSync(config['tls-key']) },
          onRequest,
        )
      : http.createServer(onRequest);
    // Longer than any client pool of the tests: no connection is closed just as
    // it is taken up again, which would look like a failed delivery.
    server.keepAliveTimeout = 60_000;
    server.on('error', (error) => {
      console.error(`receiver: ${error.message}`);
      process.exit(1);
    });
    return server;
  };
  const listen = (server, port, host) =>
    new Promise((resolve) => server.listen(port, host, resolve));

  const servers = [makeServer()];
  const start = async () => {
    await listen(servers[0], config.port, config.host);
    const { port } = servers[0].address();
    for (const host of config['also-listen']) {
      servers.push(makeServer());
      await listen(servers.at(-1), port, host);
    }
    if (config['port-file']) writePortFile(config['port-file'], port);
    console.log(`listening on ${config.listen.replace(/:\d+$/, '')}:${port}`);
  };

  const stop = async () => {
    await Promise.all(
      servers.map((server) => {
        const closed = new Promise((resolve) => server.close(resolve));
        server.closeAllConnections();
        return closed;
      }),
    );
    fs.closeSync(logFd);
    process.exit(0);
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  start();
}

main();
