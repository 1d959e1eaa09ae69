#!/usr/bin/env node
// Proves on a real delivery that its signature protects it: takes one request
// that the receiver logged with --raw and shows, through the Standard Webhooks
// reference implementation, that it verifies and that no altered copy does.
//
//   node tamper_check.mjs --log FILE.jsonl --secrets FILE
//                         [--id ID | --line N] [--positions 50]
//
// Without --id or --line: the last request in the log that was verified.
// Prints TAP; exits 1 if an assertion failed, 2 if there was nothing to check.

import fs from 'node:fs';
import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { Webhook, WebhookVerificationError } from 'standardwebhooks';
import { parseFaults } from './faults.mjs';
import { parseSecrets } from './secrets.mjs';

const TOLERANCE = 5 * 60;
const NO_MATCH = 'No matching signature found';
const TOO_OLD = 'Message timestamp too old';
const TOO_NEW = 'Message timestamp too new';
const MISSING = 'Missing required headers';

const realNow = Date.now;

/** Runs verify at the given time; returns null if accepted, else the reason. */
function refusal(webhook, raw, headers, seconds) {
  // The library reads the clock itself. Set to when the request arrived, so
  // that a log of yesterday can still be checked.
  Date.now = () => seconds * 1000;
  try {
    webhook.verify(raw, headers, { jsonParse: false });
    return null;
  } catch (error) {
    // Anything else would be a crash, not a refusal.
    if (!(error instanceof WebhookVerificationError)) throw error;
    return error.message;
  } finally {
    Date.now = realNow;
  }
}

function pickEntry({ log, id, line }) {
  const lines = fs.readFileSync(log, 'utf8').split('\n').filter((text) => text !== '');
  const entries = lines.map((text) => JSON.parse(text));
  let entry;
  if (line !== undefined) entry = entries[Number(line) - 1];
  else entry = entries.reverse().find((e) => e.verified && (id === undefined || e.id === id));
  if (!entry) throw new Error('no such request in the log');
  if (typeof entry.raw !== 'string') throw new Error('the log was not written with --raw');
  return entry;
}

function pickSecret(file, entry) {
  const all = parseSecrets(fs.readFileSync(file, 'utf8'), console.error);
  const secrets = all.get(entry.path) ?? all.get(parseFaults(entry.path).rest) ?? [];
  const secret = secrets[entry.verified_by[0] ?? 0];
  if (!secret) throw new Error(`no secret for ${entry.path}`);
  return secret.secret;
}

/** Indexes spread evenly over the body, with the first and the last byte. */
function spread(length, wanted) {
  const count = Math.min(length, wanted);
  const step = count > 1 ? (length - 1) / (count - 1) : 0;
  return Array.from({ length: count }, (_, i) => Math.round(i * step));
}

function withBit(bytes, at, bit = 0) {
  const copy = Buffer.from(bytes);
  copy[at] ^= 1 << bit;
  return copy;
}

function* assertions(entry, secret, positions) {
  const raw = Buffer.from(entry.raw, 'base64');
  const { headers } = entry;
  const now = Math.floor(Date.parse(entry.at) / 1000);
  const sent = Number(headers['webhook-timestamp']);
  const webhook = new Webhook(secret);
  const withHeaders = (changes) => refusal(webhook, raw, { ...headers, ...changes }, now);
  const withBody = (body) => refusal(webhook, body, headers, now);
  const withKey = (key) => refusal(new Webhook(key, { format: 'raw' }), raw, headers, now);

  yield ['the request as it came verifies', refusal(webhook, raw, headers, now), null];

  for (const [i, at] of spread(raw.length, positions).entries()) {
    // The bit differs from place to place, so that all eight get their turn.
    yield [`byte ${at} of the body changed`, withBody(withBit(raw, at, i % 8)), NO_MATCH];
  }
  yield ['body cut by one byte', withBody(raw.subarray(0, -1)), NO_MATCH];
  yield ['body longer by a space', withBody(Buffer.concat([raw, Buffer.from(' ')])), NO_MATCH];

  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  yield ['another secret', withKey(randomBytes(key.length)), NO_MATCH];
  yield ['the secret with one bit changed', withKey(withBit(key, 0)), NO_MATCH];

  const id = headers['webhook-id'];
  yield ['webhook-id longer by a letter', withHeaders({ 'webhook-id': `${id}x` }), NO_MATCH];
  yield ['webhook-id shorter by a letter', withHeaders({ 'webhook-id': id.slice(0, -1) }),
    id.length > 1 ? NO_MATCH : MISSING];
  yield ['webhook-timestamp a second later', withHeaders({ 'webhook-timestamp': `${sent + 1}` }),
    sent + 1 > now + TOLERANCE ? TOO_NEW : NO_MATCH];

  // The same request, untouched, at other times: replay.
  const later = (seconds) => refusal(webhook, raw, headers, sent + seconds);
  yield ['5 minutes old: still accepted', later(TOLERANCE), null];
  yield ['5 minutes and 1 second old', later(TOLERANCE + 1), TOO_OLD];
  yield ['5 minutes and 1 second early', later(-TOLERANCE - 1), TOO_NEW];

  // A replay made fresh by writing a newer time into the header.
  const day = 24 * 60 * 60;
  const freshened = { ...headers, 'webhook-timestamp': `${sent + day}` };
  const replayed = refusal(webhook, raw, freshened, sent + day);
  yield ['a day old, given a new timestamp', replayed, NO_MATCH];

  for (const name of ['webhook-id', 'webhook-timestamp', 'webhook-signature']) {
    yield [`without ${name}`, withHeaders({ [name]: undefined }), MISSING];
  }
}

function main() {
  const { values } = parseArgs({
    options: {
      log: { type: 'string' },
      secrets: { type: 'string' },
      id: { type: 'string' },
      line: { type: 'string' },
      positions: { type: 'string', default: '50' },
    },
  });
  if (!values.log || !values.secrets) throw new Error('--log and --secrets are required');
  const entry = pickEntry(values);
  const secret = pickSecret(values.secrets, entry);

  let count = 0;
  let failed = 0;
  console.log('TAP version 13');
  for (const [what, got, wanted] of assertions(entry, secret, Number(values.positions))) {
    count += 1;
    const good = got === wanted;
    if (!good) failed += 1;
    const outcome = wanted === null ? '' : `: refused (${wanted})`;
    console.log(`${good ? 'ok' : 'not ok'} ${count} - ${what}${outcome}`);
    if (!good) console.log(`# got: ${got ?? 'accepted'}`);
  }
  console.log(`1..${count}`);
  return failed === 0 ? 0 : 1;
}

try {
  process.exitCode = main();
} catch (error) {
  console.log(`Bail out! ${error.message}`);
  process.exitCode = 2;
}
