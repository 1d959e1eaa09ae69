#!/usr/bin/env node
// What the Bot API documents of sendMessage, for tests.
//
//   node fake_telegram.mjs --log FILE.jsonl --port-file FILE --token TOKEN
//
// Chats: -403 (the bot was kicked), -404 (unknown), -429 (too many requests the first time),
// -1 (became a supergroup); others exist.

import { serveJson, serviceOptions } from './fake_service.mjs';

const options = serviceOptions({ token: { type: 'string' } });
const seen = new Set();

function refuse(status, description, parameters) {
  return { status, body: { ok: false, error_code: status, description, parameters } };
}

// Only the tags that the API knows, each closed; then the length that counts.
function lengthOf(html) {
  const tags = /<\/?(?:b|i|code)>/g;
  const text = html.replaceAll(tags, '');
  if (/[<>]/.test(text)) return undefined;
  const plain = text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
  return plain.length;
}

serveJson(options, ({ path, body }) => {
  if (path !== `/bot${options.token}/sendMessage`) {
    return path.endsWith('/sendMessage') ? refuse(401, 'Unauthorized') : refuse(404, 'Not Found');
  }
  if (!body) return refuse(400, 'Bad Request: message text is empty');
  const length = body.parse_mode === 'HTML' ? lengthOf(body.text) : body.text.length;
  if (length === undefined) return refuse(400, "Bad Request: can't parse entities");
  if (length > 4096) return refuse(400, 'Bad Request: message is too long');
  switch (body.chat_id) {
    case '-403':
      return refuse(403, 'Forbidden: bot was kicked from the group chat');
    case '-404':
      return refuse(400, 'Bad Request: chat not found');
    case '-1':
      return refuse(400, 'Bad Request: group chat was upgraded to a supergroup chat', {
        migrate_to_chat_id: -1001234567890,
      });
    case '-429':
      if (!seen.has('-429')) {
        seen.add('-429');
        return refuse(429, 'Too Many Requests: retry after 17', { retry_after: 17 });
      }
      break;
    default:
      break;
  }
  return { status: 200, body: { ok: true, result: { message_id: seen.size + 1 } } };
});
