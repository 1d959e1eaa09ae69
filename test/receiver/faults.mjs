// Path prefixes that make the receiver misbehave on purpose.
//
//   /status/CODE/…   answer CODE (?retry_after=S adds Retry-After; a 3xx gets a Location)
//   /redirect/…      the same as /status/302/…
//   /flaky/N/…       answer 503 to the first N sightings of an id, then behave
//   /down/N/…        answer 500 to the first N requests of the path, whatever they are
//   /slow/SECONDS/…  wait before answering
//   /hang/…          never answer
//   /reset/…         read everything, then reset the connection
//   /flood/…         answer with a body that does not end
//   /drip/…          answer 200 with a body of a byte a second
//   /drip_head/…     answer a byte a second, from the status line on
//   /first/N/…       the other faults only at the first N sightings of an id
//
// ?retry_after_date=S adds Retry-After as the date in S seconds.
//
// Prefixes can be stacked: /slow/2/status/503/hook/alice.

const WITH_NUMBER = /^\/(status|slow|flaky|down|first)\/(\d+(?:\.\d+)?)(?=\/|$)/;
const PLAIN = /^\/(hang|reset|flood|redirect|drip|drip_head)(?=\/|$)/;

// Bounds, so that a client that fails its test can't keep the machine busy.
const FLOOD_CHUNK = Buffer.alloc(64 * 1024, 'x');
const FLOOD_PAUSE_MS = 10;
const FLOOD_MS = 10 * 60 * 1000;
const DRIPS = 600;

/** Splits a URL path into the faults asked for and what remains of the path. */
export function parseFaults(path) {
  const fault = {};
  let rest = path;
  for (;;) {
    const match = WITH_NUMBER.exec(rest) ?? PLAIN.exec(rest);
    if (!match) break;
    const [prefix, name, number] = match;
    if (name === 'redirect') fault.status = 302;
    else fault[name] = number === undefined ? true : Number(number);
    rest = rest.slice(prefix.length);
  }
  if (fault.status !== undefined && !isStatus(fault.status)) fault.status = 500;
  return { fault, rest: rest || '/' };
}

// A final status only: Node refuses others, and 1xx would not be an answer.
function isStatus(code) {
  return Number.isInteger(code) && code >= 200 && code <= 599;
}

/** The faults that are left at this sighting of an id. */
export function faultsAt(fault, sighting) {
  return sighting <= (fault.first ?? Infinity) ? fault : {};
}

/**
 * The status that will be answered (null: none at all), decided before anything
 * is sent because it goes into the log first.
 */
export function plannedStatus(fault, sighting, number, problems) {
  if (fault.hang || fault.reset || fault.drip_head) return null;
  if (fault.status !== undefined) return fault.status;
  if (fault.flaky !== undefined && sighting <= fault.flaky) return 503;
  if (fault.down !== undefined && number <= fault.down) return 500;
  if (problems.length > 0) return 400;
  return fault.flood || fault.drip ? 200 : 204; // 204 can't have a body
}

/** Answers, or fails to, as the path asked. */
export function answer(response, { fault, rest, query, status, problems }) {
  if (fault.hang) return;
  if (fault.reset) {
    response.socket.resetAndDestroy();
    return;
  }
  if (fault.drip_head) {
    drip(response, `HTTP/1.1 200 OK\r\nX-Padding: ${'x'.repeat(DRIPS)}`, response.socket);
    return;
  }
  const send = () => {
    if (response.destroyed) return; // the client gave up while we were slow
    const retryAfter = retryAfterOf(query);
    if (retryAfter !== null) response.setHeader('Retry-After', retryAfter);
    if (status >= 300 && status < 400) {
      response.setHeader('Location', query.get('location') ?? `/redirected${rest}`);
    }
    response.statusCode = status;
    if (fault.flood) {
      flood(response);
    } else if (fault.drip) {
      drip(response, 'x'.repeat(DRIPS), response);
    } else if (status === 204 || status === 304) {
      response.end();
    } else {
      response.setHeader('Content-Type', 'text/plain; charset=utf-8');
      response.end(problems.map((problem) => `${problem}\n`).join(''));
    }
  };
  if (fault.slow === undefined) {
    send();
  } else {
    // Unreferenced: waiting for a slow answer must not hold up the shutdown.
    setTimeout(send, fault.slow * 1000).unref();
  }
}

function retryAfterOf(query) {
  const seconds = query.get('retry_after_date');
  if (seconds === null) return query.get('retry_after');
  return new Date(Date.now() + Number(seconds) * 1000).toUTCString();
}

function drip(response, text, stream) {
  let sent = 0;
  const next = () => {
    if (sent === text.length) response.destroy();
    if (response.destroyed) clearInterval(timer);
    else stream.write(text[sent++]);
  };
  const timer = setInterval(next, 1000).unref();
  next();
}

function flood(response) {
  const end = Date.now() + FLOOD_MS;
  const timer = setInterval(() => {
    if (response.destroyed || Date.now() > end) {
      clearInterval(timer);
      response.destroy();
    } else if (!response.writableNeedDrain) {
      response.write(FLOOD_CHUNK);
    }
  }, FLOOD_PAUSE_MS);
  timer.unref();
}
