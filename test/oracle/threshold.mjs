// Whether a pair of snapshots meets a threshold: true, false, or null for unknown. Judged from the
// snapshots themselves, not from the diff.

import {
  changedFields,
  differingMetrics,
  differingSources,
  eitherTop,
  matchRows,
  numberChanges,
} from './diff.mjs';
import { Decimal } from './decimal.mjs';
import { equal } from './json.mjs';
import { sameId } from './snapshot.mjs';

const ONE = Decimal.parse('1');

/** @param n the top N of the diff */
export function meetsThreshold(pair, n, rule) {
  if (rule.has('AND')) return all(rule.get('AND').map((child) => meetsThreshold(pair, n, child)));
  if (rule.has('OR')) return any(rule.get('OR').map((child) => meetsThreshold(pair, n, child)));
  if (rule.has('NOT')) return not(meetsThreshold(pair, n, rule.get('NOT')));
  for (const operator of Object.keys(OPERATORS)) {
    if (rule.has(operator)) return OPERATORS[operator](rule.get(operator), rule, pair, n);
  }
  throw new Error('no operator');
}

function all(truths) {
  if (truths.includes(false)) return false;
  return truths.includes(null) ? null : true;
}

function any(truths) {
  if (truths.includes(true)) return true;
  return truths.includes(null) ? null : false;
}

function not(truth) {
  return truth === null ? null : !truth;
}

const OPERATORS = {
  top_n_reordering(k, rule, pair, n) {
    const moved = eitherTop(rows(rule, pair, n), topN(rule)).filter((m) => m.from !== m.to);
    return atLeast(moved.length, k);
  },

  top_n_moved(k, rule, pair, n) {
    const size = topN(rule);
    const both = rows(rule, pair, n).filter((m) => inTop(m.from, size) && inTop(m.to, size));
    both.sort((a, b) => a.from - b.from || a.to - b.to);
    // longest[i]: of the non-decreasing subsequences of new ranks that end with row i, the longest
    const longest = [];
    for (let i = 0; i < both.length; i += 1) {
      longest[i] = 1;
      for (let j = 0; j < i; j += 1) {
        if (both[j].to <= both[i].to) longest[i] = Math.max(longest[i], longest[j] + 1);
      }
    }
    return atLeast(both.length - Math.max(0, ...longest), k);
  },

  top_n_entered(k, rule, pair, n) {
    const size = topN(rule);
    const came = rows(rule, pair, n).filter((m) => inTop(m.to, size) && !inTop(m.from, size));
    return atLeast(came.length, k);
  },

  top_n_left(k, rule, pair, n) {
    const size = topN(rule);
    const fell = rows(rule, pair, n).filter((m) => inTop(m.from, size) && !inTop(m.to, size));
    return atLeast(fell.length, k);
  },

  rank_delta(k, rule, pair, n) {
    return eitherTop(rows(rule, pair, n), topN(rule)).some((match) => {
      if (match.from === null || match.to === null || !named(rule, match.id)) return false;
      // Up is towards rank 1.
      const climbed = Decimal.parse(String(match.from - match.to));
      return inDirection(rule, climbed) && climbed.abs().compare(k) >= 0;
    });
  },

  value_delta_pct(fraction, rule, pair, n) {
    return enoughRows(rule, valueChanges(rule, pair, n), (c) => changedBy(fraction, rule, c));
  },

  value_delta(amount, rule, pair, n) {
    return enoughRows(rule, valueChanges(rule, pair, n), (c) => movedBy(amount, rule, c));
  },

  field_changed(field, rule, pair, n) {
    const changes = changedFields(rows(rule, pair, n)).filter((c) => c.field === field);
    return enoughRows(rule, changes, (change) => {
      if (!rule.has('to')) return true;
      return change.new !== undefined && equal(change.new, rule.get('to'));
    });
  },

  set_added_min(k, rule, pair, n) {
    return atLeast(rows(rule, pair, n).filter((match) => match.old === null).length, k);
  },

  set_removed_min(k, rule, pair, n) {
    return atLeast(rows(rule, pair, n).filter((match) => match.new === null).length, k);
  },

  primary_metric_delta_pct(fraction, rule, pair) {
    return overHeadline(pair, (change) => changedBy(fraction, rule, change));
  },

  primary_metric_delta(amount, rule, pair) {
    return overHeadline(pair, (change) => movedBy(amount, rule, change));
  },

  metric_delta_pct(fraction, rule, pair) {
    return overMetric(rule, pair, (change) => changedBy(fraction, rule, change));
  },

  metric_delta(amount, rule, pair) {
    return overMetric(rule, pair, (change) => movedBy(amount, rule, change));
  },
};

/** The largest top N that a rule looks at, of each of its nodes that look at one. */
export function topNsOf(rule) {
  if (rule.has('NOT')) return topNsOf(rule.get('NOT'));
  const children = rule.get('AND') ?? rule.get('OR');
  if (children) return children.flatMap(topNsOf);
  const ranked = ['top_n_reordering', 'top_n_moved', 'top_n_entered', 'top_n_left', 'rank_delta'];
  return ranked.some((operator) => rule.has(operator)) ? [topN(rule)] : [];
}

function topN(rule) {
  return rule.has('top_n') ? Number(rule.get('top_n').text) : 10;
}

// What a rule is about: the primary rows, or a source that the diff lists; of any other it sees
// no change.
function rows(rule, { before, after }, n) {
  if (!rule.has('source')) return matchRows(before.primary, after.primary);
  const name = rule.get('source');
  if (!differingSources({ before, after }, n).has(name)) return [];
  return matchRows(before.sources.get(name), after.sources.get(name));
}

function valueChanges(rule, pair, n) {
  const changes = numberChanges(rows(rule, pair, n));
  return rule.has('on_field') ? changes.filter((c) => c.field === rule.get('on_field')) : changes;
}

function named(rule, id) {
  return !rule.has('ids') || rule.get('ids').some((other) => sameId(other, id));
}

function inDirection(rule, delta) {
  const direction = rule.get('direction') ?? 'any';
  if (direction === 'up') return delta.sign() > 0;
  if (direction === 'down') return delta.sign() < 0;
  return true;
}

function changedBy(fraction, rule, change) {
  const delta = change.new.minus(change.old);
  if (delta.sign() === 0 || !inDirection(rule, delta)) return false;
  if (rule.has('min_abs') && delta.abs().compare(rule.get('min_abs')) < 0) return false;
  // From 0, any change is more than any fraction: that of 0 is 0.
  return delta.abs().compare(change.old.abs().times(fraction)) >= 0;
}

function movedBy(amount, rule, change) {
  const delta = change.new.minus(change.old);
  if (delta.sign() === 0 || !inDirection(rule, delta)) return false;
  if (rule.has('min_abs') && delta.abs().compare(rule.get('min_abs')) < 0) return false;
  return delta.abs().compare(amount) >= 0;
}

// Whether enough of the rows that a rule names have such a change; a row counts once.
function enoughRows(rule, changes, holds) {
  const ids = [];
  for (const change of changes) {
    if (!named(rule, change.id) || ids.some((id) => sameId(id, change.id))) continue;
    if (holds(change)) ids.push(change.id);
  }
  return atLeast(ids.length, rule.get('min_rows') ?? ONE);
}

function overHeadline({ before, after }, holds) {
  if (before.metric === null || after.metric === null) return null;
  return holds({ old: before.metric, new: after.metric });
}

// A metric that did not change stands in no diff, nor does one that a side lacks: no change.
function overMetric(rule, pair, holds) {
  const change = differingMetrics(pair).find(({ metric }) => metric === rule.get('on_metric'));
  return change !== undefined && holds(change);
}

const inTop = (rank, n) => rank !== null && rank <= n;
const atLeast = (count, k) => Decimal.parse(String(count)).compare(k) >= 0;
