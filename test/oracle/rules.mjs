// Random thresholds whose limits lie near to what changed in the pair that they are meant for.

import { changedFields, differingMetrics, matchRows, numberChanges } from './diff.mjs';
import { Decimal } from './decimal.mjs';
import { object } from './json.mjs';

const COUNTS = ['1', '1', '1', '2', '2', '3', '3.0', '4', '5', '7', '1e1', '12'];
const SHARES = ['0.1', '0.10', '0.5', '1', '1.0', '0.000001', '0.333333', '2', '10', '1e-30'];
const AMOUNTS = ['0.1', '0.3', '1', '1.00', '2', '5', '10', '1e-8', '1e30'];
const DIRECTIONS = ['up', 'down', 'any'];

const parse = Decimal.parse;
const maybe = (percent, make) => (random, facts) =>
  random.chance(percent) ? make(random, facts) : undefined;

// A number that is there, or one right beside it.
function near(random, number) {
  const step = new Decimal(BigInt(random.pick([-1, 0, 0, 0, 1])), number.scale);
  const beside = number.minus(step);
  return beside.sign() > 0 ? beside : number;
}

function share(random, { changes }) {
  const olds = changes.filter((change) => change.old.sign() !== 0);
  if (olds.length === 0 || random.chance(50)) return parse(random.pick(SHARES));
  const { old, new: now } = random.pick(olds);
  // Rounded to 6 places, so that it lies on one side or the other of the true one, or on it.
  const rounded = now.minus(old).abs().shareOf(old);
  return rounded.sign() > 0 ? near(random, rounded) : parse('0.000001');
}

function amount(random, { changes }) {
  if (changes.length === 0 || random.chance(40)) return parse(random.pick(AMOUNTS));
  const { old, new: now } = random.pick(changes);
  return near(random, now.minus(old).abs());
}

const count = (random) => parse(random.pick(COUNTS));
const topN = maybe(75, (random, { n }) => {
  const larger = Math.min(n + random.between(1, 3), 2147483647);
  const within = random.between(1, Math.min(n, random.pick([14, 14, 200])));
  const size = random.chance(3) ? larger : within;
  return parse(size === 10 ? random.pick(['10', '1e1', '10.0']) : String(size));
});
const source = maybe(20, (random, { sources }) => random.pick([...sources, 'none']));
const direction = maybe(50, (random) => random.pick(DIRECTIONS));
const minAbs = maybe(40, (random, facts) =>
  random.chance(10) ? parse('0') : amount(random, facts),
);
const minRows = maybe(40, (random) => parse(random.pick(['1', '2', '2', '3', '4'])));
const field = (random, { fields }) => random.pick([...fields, ...fields, 'none']);
const onField = maybe(50, field);
const ids = maybe(40, (random, facts) => {
  const some = random.some(facts.ids, 50);
  return some.length > 0 ? some : ['nobody'];
});
const to = maybe(50, (random, { allChanges }) => {
  const values = allChanges.filter((c) => c.new !== undefined).map((c) => c.new);
  return random.pick([...values, null, 'open']);
});
const onMetric = (random, { metrics }) => random.pick([...metrics, 'none']);

const OPERATORS = {
  top_n_reordering: [count, { top_n: topN, source }],
  top_n_moved: [count, { top_n: topN, source }],
  top_n_entered: [count, { top_n: topN, source }],
  top_n_left: [count, { top_n: topN, source }],
  rank_delta: [count, { top_n: topN, direction, ids, source }],
  value_delta_pct: [
    share,
    { on_field: onField, direction, min_abs: minAbs, min_rows: minRows, ids, source },
  ],
  value_delta: [amount, { on_field: onField, direction, min_rows: minRows, ids, source }],
  field_changed: [field, { to, ids, min_rows: minRows, source }],
  set_added_min: [count, { source }],
  set_removed_min: [count, { source }],
  primary_metric_delta_pct: [share, { direction, min_abs: minAbs }],
  primary_metric_delta: [amount, { direction, min_abs: minAbs }],
  metric_delta_pct: [share, { direction, min_abs: minAbs, on_metric: onMetric }],
  metric_delta: [amount, { direction, min_abs: minAbs, on_metric: onMetric }],
};

/** What rules about a pair can be made from. */
export function factsOf(pair, n) {
  const matches = matchRows(pair.before.primary, pair.after.primary);
  for (const [name, rows] of pair.after.sources) {
    matches.push(...matchRows(pair.before.sources.get(name) ?? [], rows));
  }
  const changes = [...numberChanges(matches), ...differingMetrics(pair)];
  if (pair.before.metric && pair.after.metric) {
    if (!pair.before.metric.equals(pair.after.metric)) {
      changes.push({ old: pair.before.metric, new: pair.after.metric });
    }
  }
  const allChanges = changedFields(matches);
  const fields = [...new Set(allChanges.map((c) => c.field).filter((name) => name !== ''))];
  return {
    n,
    changes,
    allChanges,
    fields,
    ids: matches.map((match) => match.id),
    sources: [...pair.after.sources.keys()].filter((name) => name !== ''),
    metrics: [...pair.after.metrics.keys()].filter((name) => name !== ''),
  };
}

export function randomRule(random, facts, depth = 0) {
  const kind = random.below(100);
  if (depth < 4 && kind < 14) {
    const children = Array.from({ length: random.between(1, 3) }, () =>
      randomRule(random, facts, depth + 1),
    );
    return object({ [random.pick(['AND', 'OR'])]: children });
  }
  if (depth < 4 && kind < 22) {
    return object({ NOT: randomRule(random, facts, depth + 1) });
  }
  const name = random.pick(Object.keys(OPERATORS));
  const [limit, modifiers] = OPERATORS[name];
  const rule = { [name]: limit(random, facts) };
  for (const [key, make] of Object.entries(modifiers)) rule[key] = make(random, facts);
  return object(rule);
}
