#!/usr/bin/env node
// What Slack documents of chat.postMessage and of incoming webhooks, for tests.
//
//   node fake_slack.mjs --log FILE.jsonl --port-file FILE --token TOKEN [--cert FILE --key FILE]
//
// /api/chat.postMessage answers { ok: false, error } to what it does not take. Channels: #archived,
// #private (the bot is not in it), #busy (429 the first time), #broken (503 the first time),
// #unknown; others exist. /services/T0/B0/gone is no more; other hooks exist, /busy as above.

import { serveJson, serviceOptions } from './fake_service.mjs';

const options = serviceOptions({ token: { type: 'string' } });
const seen = new Set();

function first(what) {
  if (seen.has(what)) return false;
  return seen.add(what);
}

const limited = { status: 429, headers: { 'Retry-After': '30' }, body: { ok: false, error: 'ratelimited' } };

function isSection(block) {
  const { type, text } = block;
  return type !== 'section' || (text.type === 'mrkdwn' && text.verbatim === true && [...text.text].length <= 3000);
}

function isMessage(body) {
  return typeof body.text === 'string' && body.blocks.length > 0 && body.blocks.every(isSection)
    && body.unfurl_links === false && body.unfurl_media === false
    && body.parse === 'none' && body.link_names === false;
}

const ERROR_OF = new Map([
  ['#archived', 'is_archived'],
  ['#private', 'not_in_channel'],
  ['#unknown', 'channel_not_found'],
]);

function postMessage({ headers, body }) {
  const refuse = (error) => ({ status: 200, body: { ok: false, error } });
  if (headers.authorization !== `Bearer ${options.token}`) return refuse('invalid_auth');
  if (!/^application\/json/.test(headers['content-type'])) return refuse('invalid_post_type');
  if (!body || !isMessage(body)) return refuse('invalid_blocks');
  if (ERROR_OF.has(body.channel)) return refuse(ERROR_OF.get(body.channel));
  if (body.channel === '#busy' && first('#busy')) return limited;
  if (body.channel === '#broken' && first('#broken')) return { status: 503, body: '<html>secret</html>' };
  return { status: 200, body: { ok: true, channel: 'C0123', ts: '1.2', message: { text: body.text } } };
}

function incomingWebhook({ path, body }) {
  if (path.endsWith('/gone')) return { status: 404, body: 'no_service' };
  if (path.endsWith('/busy') && first(path)) return { ...limited, body: 'rate_limited' };
  if (!body || !isMessage(body) || body.channel) return { status: 400, body: 'invalid_payload' };
  return { status: 200, body: 'ok' };
}

serveJson(options, (request) => {
  if (request.method !== 'POST') return { status: 405, body: '' };
  if (request.path === '/api/chat.postMessage') return postMessage(request);
  if (request.path.startsWith('/services/')) return incomingWebhook(request);
  return { status: 404, body: 'no_team' };
});
