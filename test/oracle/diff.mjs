// What changed between two snapshots, by the plainest means.

import { compareNames, equal, integer, isNumber, object } from './json.mjs';
import { sameId } from './snapshot.mjs';

/**
 * Every id of either list once: those of `after` in its order, then those only in `before`.
 * A side that has no such row is null there.
 */
export function matchRows(before, after) {
  const matches = [];
  for (const row of after) {
    const old = before.find((other) => sameId(other.id, row.id)) ?? null;
    matches.push({ id: row.id, old, new: row, from: old && old.rank, to: row.rank });
  }
  for (const row of before) {
    if (!after.some((other) => sameId(other.id, row.id))) {
      matches.push({ id: row.id, old: row, new: null, from: row.rank, to: null });
    }
  }
  return matches;
}

const within = (rank, n) => rank !== null && rank <= n;

/** The ids that stand in the top N of either side. */
export function eitherTop(matches, n) {
  return matches.filter((match) => within(match.from, n) || within(match.to, n));
}

/** The fields of rows on both sides that differ, by place in `after`, then by name. */
export function changedFields(matches) {
  const changes = [];
  for (const match of matches) {
    if (match.old === null || match.new === null) continue;
    const names = new Set([...match.old.fields.keys(), ...match.new.fields.keys()]);
    const ofRow = [];
    for (const field of names) {
      const [a, b] = [match.old.fields.get(field), match.new.fields.get(field)];
      if (a !== undefined && b !== undefined && equal(a, b)) continue;
      ofRow.push({ id: match.id, field, old: a, new: b });
    }
    changes.push(...ofRow.sort((a, b) => compareNames(a.field, b.field)));
  }
  return changes;
}

const isDelta = (change) => isNumber(change.old) && isNumber(change.new);

export function numberChanges(matches) {
  return changedFields(matches).filter(isDelta);
}

function rowLists(before, after, n) {
  const matches = matchRows(before, after);
  const top = eitherTop(matches, n);
  const last = (rank) => rank ?? Infinity;
  // Sorting keeps the order of equals: place in `after`, then place in `before`.
  const moved = top.filter((match) => match.from !== match.to);
  moved.sort((a, b) => last(a.to) - last(b.to) || last(a.from) - last(b.from) || 0);
  const kept = top.filter((match) => match.from === match.to);
  const changes = changedFields(matches);
  const rank = (r) => (r === null ? null : integer(r));
  return {
    top_n_changes: moved.map(({ id, from, to }) => object({ id, from: rank(from), to: rank(to) })),
    top_n_unchanged: kept.map((match) => match.to).sort((a, b) => a - b).map(integer),
    row_value_deltas: changes.filter(isDelta).map((change) => {
      const delta = change.new.minus(change.old);
      return object({ ...change, delta, delta_pct: delta.shareOf(change.old) });
    }),
    row_changes: changes.filter((change) => !isDelta(change)).map(object),
    id_set_added: matches.filter((match) => match.old === null).map((match) => match.id),
    id_set_removed: matches.filter((match) => match.new === null).map((match) => match.id),
  };
}

function differs(lists) {
  return Object.entries(lists).some(([key, list]) => key !== 'top_n_unchanged' && list.length > 0);
}

/** The pairs of row sources other than the primary that are on both sides and differ, by name. */
export function differingSources({ before, after }, n) {
  const found = new Map();
  for (const [name, rows] of after.sources) {
    if (!before.sources.has(name)) continue;
    const lists = rowLists(before.sources.get(name), rows, n);
    if (differs(lists)) found.set(name, lists);
  }
  return found;
}

/** The metrics that are on both sides and differ, by name. */
export function differingMetrics({ before, after }) {
  const found = [];
  for (const [metric, number] of after.metrics) {
    const old = before.metrics.get(metric);
    if (old !== undefined && !old.equals(number)) found.push({ metric, old, new: number });
  }
  return found.sort((a, b) => compareNames(a.metric, b.metric));
}

export function dashboardDiff(pair, n) {
  const { before, after } = pair;
  const headline = before.metric && after.metric;
  const change = headline && after.metric.minus(before.metric);
  const sources = [...differingSources(pair, n)].map(([name, lists]) => [name, object(lists)]);
  return object({
    top_n: integer(n),
    ...rowLists(before.primary, after.primary, n),
    primary_metric: headline
      ? object({ old: before.metric, new: after.metric, delta: change })
      : null,
    primary_metric_delta_pct: headline ? change.shareOf(before.metric) : null,
    metric_deltas: differingMetrics(pair).map((entry) => {
      const delta = entry.new.minus(entry.old);
      return object({ ...entry, delta, delta_pct: delta.shareOf(entry.old) });
    }),
    sources: new Map(sources),
  });
}
