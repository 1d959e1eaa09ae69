#!/usr/bin/env node
// A mail relay that delivers to a log: one line of JSON a mail, as a mail program reads it.
//
//   node fake_relay.mjs --log FILE.jsonl --port-file FILE [--cert FILE --key FILE [--implicit]]
//                       [--login USER:PASSWORD]
//
// With a certificate it offers STARTTLS, or speaks TLS from the start on (--implicit). What happens
// to a mail depends on the name of its recipient:
//   unknown@...  550 for the recipient     later@...  451 for the recipient
//   spam@...     554 for the message       others     taken
// and with 553 it refuses senders forged@....

import { simpleParser } from 'mailparser';
import { SMTPServer } from 'smtp-server';
import { announce, serviceOptions, tlsFiles, write } from './fake_service.mjs';

const options = serviceOptions({
  login: { type: 'string' },
  implicit: { type: 'boolean', default: false },
});
const tls = tlsFiles(options);

function refusal(responseCode, message) {
  return Object.assign(new Error(message), { responseCode });
}

function read(stream) {
  return new Promise((resolve, reject) => {
    const pieces = [];
    stream.on('data', (piece) => pieces.push(piece));
    stream.on('end', () => resolve(Buffer.concat(pieces)));
    stream.on('error', reject);
  });
}

const server = new SMTPServer({
  ...tls,
  secure: options.implicit,
  authOptional: !options.login,
  disabledCommands: [...(tls ? [] : ['STARTTLS']), ...(options.login ? [] : ['AUTH'])],
  hideENHANCEDSTATUSCODES: false,
  logger: false,
  onAuth(auth, session, done) {
    const right = `${auth.username}:${auth.password}` === options.login;
    done(right ? null : refusal(535, 'No'), right ? { user: auth.username } : undefined);
  },
  onMailFrom(address, session, done) {
    done(address.address.startsWith('forged@') ? refusal(553, 'Not yours') : null);
  },
  onRcptTo(address, session, done) {
    const [name] = address.address.split('@');
    if (name === 'unknown') done(refusal(550, 'No such user <secret>'));
    else if (name === 'later') done(refusal(451, 'Later'));
    else done();
  },
  onData(stream, session, done) {
    read(stream)
      .then(async (raw) => {
        const { mailFrom, rcptTo } = session.envelope;
        const mail = await simpleParser(raw);
        const recipients = rcptTo.map(({ address }) => address);
        write(options, {
          sender: mailFrom.address,
          recipients,
          secure: session.secure,
          user: session.user ?? null,
          raw: raw.toString('latin1'),
          headers: [...mail.headerLines.map(({ key }) => key)],
          from: mail.from.value,
          to: mail.to.value,
          subject: mail.subject,
          id: mail.messageId,
          date: mail.date,
          list: mail.headers.get('list') ?? null,
          automatic: mail.headers.get('auto-submitted') ?? null,
          text: mail.text,
          html: mail.html,
          // As a mail program would show the plain text, with what it takes for links.
          links: (mail.textAsHtml.match(/<a /g) ?? []).length,
        });
        done(recipients[0].startsWith('spam@') ? refusal(554, 'Spam') : null, 'taken');
      })
      .catch((error) => {
        write(options, { error: String(error) });
        done(refusal(554, String(error)));
      });
  },
});

server.on('error', () => {}); // of a connection: a client that does not trust the certificate
server.listen(0, '127.0.0.1', () => announce(options, server.server.address().port));
process.on('SIGTERM', () => process.exit(0));
