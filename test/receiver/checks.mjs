// What a right delivery looks like. Pure functions: no I/O, no state.

import { createHmac, timingSafeEqual } from 'node:crypto';

export const MAX_BODY = 20_000;

const HEALTH_KEYS = [
  'type',
  'timestamp',
  'policy_id',
  'policy',
  'window_date',
  'title',
  'summary',
  'dashboards',
  'more',
];

const KEYS = [
  'type',
  'timestamp',
  'dashboard_id',
  'snapshot_a',
  'snapshot_b',
  'diff',
  'explanation',
  'summary',
];

const SIGNING_HEADERS = [
  'webhook-id',
  'webhook-timestamp',
  'webhook-signature',
  'x-hub-signature-256',
];

const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/** Indexes of the secrets for which the reference implementation accepts the request. */
export function verifyStandard(secrets, raw, headers, problems) {
  const verifiedBy = [];
  const reasons = new Set();
  secrets.forEach(({ webhook }, index) => {
    try {
      webhook.verify(raw, headers, { jsonParse: false });
      verifiedBy.push(index);
    } catch (error) {
      reasons.add(error.message);
    }
  });
  if (secrets.length === 0) problems.push('no secret is known for this path');
  else if (verifiedBy.length === 0) problems.push(`signature: ${[...reasons].join('; ')}`);
  return verifiedBy;
}

// The two usual readings of "the secret" as an HMAC key: its text as it is, as
// GitHub does, or the bytes that the part after whsec_ encodes, as Standard
// Webhooks does.
function hubKeys(secret) {
  return {
    text: Buffer.from(secret, 'utf8'),
    decoded: Buffer.from(secret.replace(/^whsec_/, ''), 'base64'),
  };
}

export function hubSignature(key, raw) {
  return createHmac('sha256', key).update(raw).digest();
}

/** The index of the secret and the reading of it that made X-Hub-Signature-256, or null. */
export function verifyHub(secrets, raw, header, allowed, problems) {
  const match = /^sha256=([0-9a-f]{64})$/.exec(header ?? '');
  if (!match) {
    problems.push(header === undefined ? 'hub signature: missing' : 'hub signature: malformed');
    return null;
  }
  if (secrets.length === 0) return null; // said already
  const given = Buffer.from(match[1], 'hex');
  for (const [index, { secret }] of secrets.entries()) {
    for (const [kind, key] of Object.entries(hubKeys(secret))) {
      if (!allowed.includes(kind)) continue;
      if (timingSafeEqual(hubSignature(key, raw), given)) return { index, kind };
    }
  }
  problems.push('hub signature: does not match');
  return null;
}

/** Everything about the headers that the signature checks let pass. */
export function checkHeaders(request, problems) {
  const { headers, headersDistinct } = request;
  const type = headers['content-type'];
  if (!/^application\/json(\s*;\s*charset="?utf-8"?)?$/i.test(type ?? '')) {
    problems.push(`content-type: ${type ?? 'missing'}`);
  }
  for (const name of SIGNING_HEADERS) {
    const count = headersDistinct[name]?.length ?? 0;
    // Two values would be joined by Node; other receivers take the first or last.
    if (count > 1) problems.push(`${name}: sent ${count} times`);
  }
  // The reference implementation parses leniently: "12x" would be taken for 12.
  const timestamp = headers['webhook-timestamp'];
  if (timestamp !== undefined && !/^[1-9]\d*$/.test(timestamp)) {
    problems.push(`webhook-timestamp: not whole seconds: ${timestamp}`);
  }
}

/** Checks size, encoding and shape; returns the parsed body or null. */
export function checkBody(raw, problems) {
  if (raw.length > MAX_BODY) problems.push(`body: ${raw.length} bytes, more than ${MAX_BODY}`);
  let text;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(raw);
  } catch {
    problems.push('body: not UTF-8');
    return null;
  }
  let body;
  try {
    body = JSON.parse(text);
  } catch (error) {
    problems.push(`body: not JSON: ${error.message}`);
    return null;
  }
  if (body === null || typeof body !== 'object' || Array.isArray(body)) {
    problems.push('body: not a JSON object');
    return body;
  }
  for (const key of body.type === 'dashboard.health' ? HEALTH_KEYS : KEYS) {
    if (!Object.hasOwn(body, key)) problems.push(`body: no key ${key}`);
  }
  if (Object.hasOwn(body, 'type') && (typeof body.type !== 'string' || body.type === '')) {
    problems.push('body: type is not a name');
  }
  if (Object.hasOwn(body, 'timestamp') && !isTime(body.timestamp)) {
    problems.push('body: timestamp is not an RFC 3339 time');
  }
  return body;
}

function isTime(value) {
  return typeof value === 'string' && RFC3339.test(value) && !Number.isNaN(Date.parse(value));
}
