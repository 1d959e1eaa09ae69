// Random cases with what the oracle expects of them.
//
//   node cases.mjs --seed S --first I --count N     rows for COPY: the cases I ... I + N - 1
//   node cases.mjs --seed S --first I --show        one case, to be read
//
// Every case is made from the seed and its number alone.

import { writeSync } from 'node:fs';
import { parseArgs } from 'node:util';

import { dashboardDiff } from './diff.mjs';
import { randomPair, spoiled } from './documents.mjs';
import { integer, object, write } from './json.mjs';
import { Random } from './random.mjs';
import { factsOf, randomRule } from './rules.mjs';
import { problemOf, readSnapshot } from './snapshot.mjs';
import { meetsThreshold, topNsOf } from './threshold.mjs';

const RULES = 3;

/** A diff and three rules about it, or why one of the documents is none. */
export function makeCase(seed, number) {
  const random = new Random(seed, number);
  let [before, after] = randomPair(random);
  const made = { number, refused: null };
  if (random.chance(8)) {
    const both = random.chance(5);
    if (both || random.chance(50)) before = spoiled(random, before);
    if (both || random.chance(50)) after = spoiled(random, after);
  }
  const n = random.chance(80) ? random.between(1, 14) : random.pick([10, 10, 100, 2147483647]);
  Object.assign(made, { before, after, n });
  const beforeProblem = problemOf(before);
  const afterProblem = problemOf(after);
  if (beforeProblem ?? afterProblem) {
    return { ...made, refused: { before: beforeProblem, after: afterProblem } };
  }
  const pair = { before: readSnapshot(before), after: readSnapshot(after) };
  const facts = factsOf(pair, n);
  const rules = Array.from({ length: RULES }, () => {
    const threshold = randomRule(random, facts);
    const tooLarge = topNsOf(threshold).filter((size) => size > n);
    if (tooLarge.length > 0) return { threshold, sizes: tooLarge };
    return { threshold, met: meetsThreshold(pair, n, threshold) };
  });
  return { ...made, diff: dashboardDiff(pair, n), rules };
}

// The columns of oracle_cases in check.sql.
function copyRow({ number, before, after, n, refused, diff, rules }) {
  const columns = [number, write(before), write(after), n];
  columns.push(refused?.before ?? null, refused?.after ?? null);
  columns.push(diff ? write(diff) : null, rules ? write(rules.map(ruleEntry)) : null);
  return `${columns.map(copyText).join('\t')}\n`;
}

// A rule with what must come of it; too_large is 0 where several of its nodes look too far.
function ruleEntry({ threshold, met, sizes }) {
  if (sizes === undefined) return object({ threshold, met });
  return object({ threshold, too_large: integer(sizes.length === 1 ? sizes[0] : 0) });
}

const ESCAPES = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };

function copyText(value) {
  if (value === null) return '\\N';
  return String(value).replace(/[\\\t\n\r]/g, (c) => ESCAPES[c]);
}

function writeAll(text) {
  const bytes = Buffer.from(text);
  for (let done = 0; done < bytes.length; ) done += writeSync(1, bytes, done);
}

function main() {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      first: { type: 'string', default: '0' },
      count: { type: 'string', default: '1' },
      show: { type: 'boolean', default: false },
    },
  });
  const [seed, first, count] = [values.seed, values.first, values.count].map(Number);
  if (values.show) {
    const { before, after, n, refused, diff, rules } = makeCase(seed, first);
    const lines = [`before: ${write(before)}`, `after:  ${write(after)}`, `top_n:  ${n}`];
    if (refused) lines.push(`refused: ${JSON.stringify(refused)}`);
    else lines.push(`diff:   ${write(diff)}`);
    for (const { threshold, met, sizes } of rules ?? []) {
      lines.push(`rule:   ${write(threshold)} -> ${sizes ? `refused: ${sizes}` : met}`);
    }
    writeAll(`${lines.join('\n')}\n`);
    return;
  }
  let rows = '';
  for (let number = first; number < first + count; number += 1) {
    rows += copyRow(makeCase(seed, number));
    if (rows.length > 1 << 16) {
      writeAll(rows);
      rows = '';
    }
  }
  writeAll(rows);
}

main();
