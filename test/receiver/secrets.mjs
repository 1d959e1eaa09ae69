// The secrets file: which URL path expects which signing secrets.
//
// One entry per line, either `/hook/alice whsec_… [whsec_…]` or
// `{"path": "/hook/alice", "secret": "whsec_…"}` (or "secrets": […]). Lines for
// the same path add up; empty lines and lines starting with # are skipped.

import fs from 'node:fs';
import { Webhook } from 'standardwebhooks';

export function parseSecrets(text, warn = () => {}) {
  const byPath = new Map();
  text.split('\n').forEach((raw, index) => {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) return;
    try {
      const { path, secrets } = parseLine(line);
      const known = byPath.get(path) ?? [];
      for (const secret of secrets) known.push({ secret, webhook: new Webhook(secret) });
      byPath.set(path, known);
    } catch (error) {
      // Never the line itself: it may hold a secret.
      warn(`secrets file, line ${index + 1}: ${error.message}`);
    }
  });
  return byPath;
}

function parseLine(line) {
  let path, secrets;
  if (line.startsWith('{')) {
    const entry = JSON.parse(line);
    path = entry.path;
    secrets = entry.secrets ?? [entry.secret];
  } else {
    [path, ...secrets] = line.split(/\s+/);
  }
  if (typeof path !== 'string' || !path.startsWith('/')) throw new Error('no path');
  if (!Array.isArray(secrets) || secrets.length === 0) throw new Error('no secret');
  return { path, secrets };
}

export class SecretsFile {
  #file;
  #seen = null;
  #byPath = new Map();

  constructor(file) {
    this.#file = file;
  }

  // Looked at on every request, so that a secret added a moment ago counts.
  get(path) {
    this.#refresh();
    return this.#byPath.get(path) ?? [];
  }

  #refresh() {
    let stat;
    try {
      stat = fs.statSync(this.#file, { bigint: true });
    } catch (error) {
      if (error.code !== 'ENOENT') throw error;
      this.#seen = null;
      this.#byPath = new Map();
      return;
    }
    // The time alone is too coarse: two appends can fall into one clock tick,
    // and a file moved into place can be older than the one before.
    const seen = `${stat.mtimeNs} ${stat.size} ${stat.ino}`;
    if (seen === this.#seen) return;
    this.#byPath = parseSecrets(fs.readFileSync(this.#file, 'utf8'), console.error);
    this.#seen = seen;
  }
}
