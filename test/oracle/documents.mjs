// Random pairs of snapshot documents. Pools are small, so that ties, equal ids and equal numbers
// written differently are frequent; the second document is mostly the first one, edited.

import { Decimal } from './decimal.mjs';
import { isNumber, object } from './json.mjs';
import { sameId } from './snapshot.mjs';

const NUMBERS = `0 0.0 -0.0 0.000 1 1.0 1.00 -1 2 2.0 3 3.0 3.3 -3 -3.3 2.7 4 5 7 10 1e1 10.50 100
  1e2 0.1 0.10 1e-1 -0.1 0.3 0.30 0.30000000000000001 33.333333 9007199254740993
  9007199254740992 -9007199254740993 12345678901234567890.123456789 1e30 1e-30 0.000001 9.9999
  9999 10000 99999999 0.00009999 1000000007 -1e-8`
  .split(/\s+/)
  .map(Decimal.parse);
const EXTREMES = ['1e400', '-1e400', '1.0000e-400', '9e300', '-7e-300'].map(
  Decimal.parse,
);
const STRINGS = [
  ...['', 'a', 'A', 'a ', 'open', 'done', 'é', 'e\u0301', '東京', '😀', '\uFB01', '1', '1.0'],
  ...['"', '\\', '\u0001', '\n', '\t', '\u007f', '\u2028', 'null', '𝒳"\\\u001f'],
];
const FIELDS = [
  ...['n', 'score', 's', 'Z', 'zz', 'aa', 'b', 'é', '😀', '\uFB01', '', '"', 'a.b', '\u0001'],
  ...['status', 'old', 'field', 'id', 'delta', '__proto__', 'constructor', '東京'],
];
const NAMES = ['by_region', 'r', 'a', 'B', 'é', '😀', '\uFB01', 'users', 'total', '"', '', 'n'];

export function randomNumber(random) {
  const kind = random.below(100);
  if (kind < 70) return random.pick(NUMBERS);
  if (kind < 72) return random.pick(EXTREMES);
  if (kind < 85) return Decimal.parse(String(random.between(-20, 20)));
  let digits = String(random.between(0, 999));
  for (let more = random.below(8); more > 0; more -= 1) digits += random.between(0, 9999);
  const places = random.below(Math.min(digits.length, 12));
  const whole = digits.slice(0, digits.length - places).replace(/^0+(?=.)/, '');
  const fraction = places > 0 ? `.${digits.slice(digits.length - places)}` : '';
  return Decimal.parse(`${random.chance(40) ? '-' : ''}${whole}${fraction}`);
}

function randomValue(random, depth = 0) {
  const kind = random.below(depth > 2 ? 8 : 10);
  if (kind < 4) return randomNumber(random);
  if (kind < 6) return random.pick(STRINGS);
  if (kind < 7) return null;
  if (kind < 8) return random.chance(50);
  const size = random.below(4);
  if (kind < 9) return Array.from({ length: size }, () => randomValue(random, depth + 1));
  const members = new Map();
  for (let i = 0; i < size; i += 1) {
    members.set(random.pick(FIELDS), randomValue(random, depth + 1));
  }
  return members;
}

// The same number in other words.
function respelled(random, number) {
  if (number.scale > 100 || number.text.length > 100) return number;
  const zeros = '0'.repeat(random.between(1, 3));
  const text = number.plain();
  if (random.chance(30)) return Decimal.parse(`${text}e0`);
  if (random.chance(30)) return Decimal.parse(`${text}${number.scale ? '' : '.'}${zeros}e0`);
  return Decimal.parse(`${text}${number.scale ? '' : '.'}${zeros}`);
}

function editedNumber(random, number) {
  switch (random.below(6)) {
    case 0:
      return respelled(random, number);
    case 1:
      return Decimal.parse(random.pick(['0', '0.00', '-0']));
    case 2:
      return number.minus(random.pick(NUMBERS));
    case 3: // by a round share of itself
      return number.minus(number.times(Decimal.parse(random.pick(['0.1', '-0.1', '0.5', '-1']))));
    case 4:
      return new Decimal(-number.units, number.scale);
    default:
      return randomNumber(random);
  }
}

function editedValue(random, value) {
  if (isNumber(value) && random.chance(80)) return editedNumber(random, value);
  if (Array.isArray(value) && value.length > 0 && random.chance(50)) {
    const items = [...value];
    items[random.below(items.length)] = randomValue(random, 1);
    return random.chance(50) ? items : random.shuffle(items);
  }
  if (value instanceof Map && random.chance(50)) {
    const members = random.shuffle([...value]);
    if (members.length > 0 && random.chance(50)) members[0][1] = randomValue(random, 1);
    return new Map(members);
  }
  return randomValue(random);
}

// What both documents of a pair are made of.
class Maker {
  constructor(random) {
    this.random = random;
    this.idField = random.chance(75) ? 'id' : random.pick(['k', '東京', 'n', '"']);
    this.fields = random.shuffle([...FIELDS]).slice(0, random.between(1, 4));
    this.rankBy = random.chance(65) ? random.pick(this.fields) || 's' : null;
    this.order = random.pick([undefined, 'desc', 'asc', 'asc']);
    this.numeric = random.pick([50, 80, 100]);
    this.nextId = random.between(0, 3);
    this.idKind = random.below(3);
  }

  newId(rows) {
    const { random } = this;
    for (;;) {
      this.nextId += 1;
      let id;
      const kind = this.idKind === 2 ? random.below(2) : this.idKind;
      if (random.chance(15)) id = random.pick([...STRINGS, ...NUMBERS]);
      else if (kind === 0) id = `row ${this.nextId}`;
      else id = random.pick([Decimal.parse(`${this.nextId}`), `${this.nextId}`]);
      if (isNumber(id) && random.chance(15)) id = respelled(random, id);
      if (!rows.some((row) => sameId(row.get(this.idField), id))) return id;
    }
  }

  value() {
    const { random } = this;
    return random.chance(this.numeric) ? randomNumber(random) : randomValue(random);
  }

  row(rows) {
    const { random } = this;
    const members = [[this.idField, this.newId(rows)]];
    for (const field of this.fields) {
      if (field !== this.idField && random.chance(90)) members.push([field, this.value()]);
    }
    return new Map(random.chance(10) ? random.shuffle(members) : members);
  }

  rows() {
    const { random } = this;
    const large = random.below(1500) === 0;
    const size = large ? random.between(60, 300) : random.below(random.pick([4, 8, 13]));
    const rows = [];
    while (rows.length < size) rows.push(this.row(rows));
    return rows;
  }

  edited(rows) {
    const { random } = this;
    const result = rows.map((row) => new Map(row));
    const edits = random.chance(8) ? 0 : random.between(1, random.pick([2, 6, 12]));
    for (let i = 0; i < edits; i += 1) this.edit(result);
    return result;
  }

  edit(rows) {
    const { random } = this;
    const at = random.below(rows.length || 1);
    const kind = random.below(12);
    if (rows.length === 0 || kind === 0) {
      rows.splice(at, 0, this.row(rows));
    } else if (kind === 1) {
      rows.splice(at, 1);
    } else if (kind === 2) {
      const to = random.below(rows.length);
      [rows[at], rows[to]] = [rows[to], rows[at]];
    } else if (kind === 3) {
      rows.splice(random.below(rows.length), 0, ...rows.splice(at, 1));
    } else if (kind === 4) {
      random.pick([(list) => random.shuffle(list), (list) => list.reverse()])(rows);
    } else if (kind === 5) {
      const id = rows[at].get(this.idField);
      if (isNumber(id)) rows[at].set(this.idField, respelled(random, id));
    } else {
      const field = random.pick(this.fields);
      if (field === this.idField) return;
      const value = rows[at].get(field);
      if (value === undefined) rows[at].set(field, this.value());
      else if (random.chance(10)) rows[at].delete(field);
      // A tie with another row, now and then.
      else if (random.chance(10)) rows[at].set(field, random.pick(rows).get(field) ?? value);
      else rows[at].set(field, editedValue(random, value));
    }
  }

  metric() {
    return this.random.chance(60) ? randomNumber(this.random) : undefined;
  }

  // The named data of a document: row sources and metrics.
  data(sources, metrics) {
    const { random } = this;
    const data = new Map();
    const names = random.shuffle([...NAMES]);
    for (const name of names.slice(0, sources)) data.set(name, this.rows());
    for (const name of names.slice(sources, sources + metrics)) {
      data.set(name, randomNumber(random));
    }
    return data;
  }

  editedData(data, keep) {
    const { random } = this;
    const result = new Map();
    for (const [name, value] of random.chance(20) ? random.shuffle([...data]) : data) {
      if (name !== keep && random.chance(12)) continue;
      if (name !== keep && random.chance(4)) result.set(name, isNumber(value) ? [] : NUMBERS[1]);
      else if (isNumber(value)) {
        result.set(name, random.chance(50) ? editedNumber(random, value) : value);
      } else result.set(name, random.chance(75) ? this.edited(value) : value);
    }
    if (random.chance(10)) result.set(random.pick(NAMES), randomNumber(random));
    if (keep !== undefined) result.set(keep, result.get(keep) ?? data.get(keep));
    return result;
  }
}

/** Two valid documents. */
export function randomPair(random) {
  const maker = new Maker(random);
  const [a, b] = maker.random.chance(92)
    ? relatedRows(maker)
    : [maker.rows(), new Maker(random).idField === maker.idField ? maker.rows() : []];
  const shape = random.below(10);
  // Bare arrays have the names that every document has.
  if (shape === 0 && maker.idField === 'id') return [a, b];

  const metric = maker.metric();
  const changed =
    metric !== undefined && random.chance(70) ? editedNumber(random, metric) : maker.metric();
  const frame = (primary_metric, rank_by = maker.rankBy ?? undefined) => ({
    id_field: maker.idField === 'id' && random.chance(90) ? undefined : maker.idField,
    rank_by,
    rank_order: maker.order,
    primary_metric,
  });
  const first = frame(metric);
  const second = random.chance(97) ? frame(changed) : frame(changed, random.pick(FIELDS) || 's');
  const members = (entries, more) => object({ ...entries, ...more });

  if (shape < 6) {
    const before = maker.data(random.below(3), random.below(4));
    const after = maker.editedData(before);
    const data = (value) => (value.size > 0 || random.chance(20) ? value : undefined);
    // Beside primary_rows it names nothing.
    const named = random.pick([...before.keys(), 'none']) || 'none';
    const primary = random.chance(5) ? named : undefined;
    return [
      members(first, { primary, primary_rows: a, materialized_data: data(before) }),
      members(second, { primary, primary_rows: b, materialized_data: data(after) }),
    ];
  }
  if (shape < 8) {
    // The only row source is the primary one.
    const before = maker.data(0, random.below(3));
    const after = maker.editedData(before);
    const rows = random.pick(['rows', 'é', '"']);
    return [
      members(first, { materialized_data: onlySource(before, rows, a) }),
      members(second, { materialized_data: onlySource(after, rows, b) }),
    ];
  }
  // The primary one is named.
  const before = maker.data(random.between(1, 3), random.below(3));
  const primary = [...before].find(([, value]) => Array.isArray(value))[0];
  before.set(primary, a);
  const after = maker.editedData(before, primary);
  after.set(primary, b);
  const other = random.chance(5)
    ? [...after].filter(([, value]) => Array.isArray(value)).map(([name]) => name)
    : [primary];
  return [
    members(first, { primary, materialized_data: before }),
    members(second, { primary: random.pick(other) || primary, materialized_data: after }),
  ].map((document) => (document.get('primary') === '' ? withoutName(document) : document));
}

function relatedRows(maker) {
  const rows = maker.rows();
  return [rows, maker.edited(rows)];
}

function onlySource(data, name, rows) {
  const result = new Map([...data].filter(([, value]) => isNumber(value)));
  result.delete(name);
  return result.set(name, rows);
}

// No source can be named by the empty string.
function withoutName(document) {
  const rows = document.get('materialized_data').get('');
  document.delete('primary');
  return document.set('primary_rows', rows);
}

/** The document with one thing in it that makes it invalid. */
export function spoiled(random, document) {
  if (random.chance(5)) return random.pick([null, true, 'rows', NUMBERS[3], 'null']);
  const result = Array.isArray(document)
    ? new Map([['primary_rows', document]])
    : new Map(document);
  const data = new Map(result.get('materialized_data') ?? []);
  if (result.has('materialized_data')) result.set('materialized_data', data);
  const lists = [
    ...(result.has('primary_rows') ? [[result, 'primary_rows']] : []),
    ...[...data].filter(([, value]) => Array.isArray(value)).map(([name]) => [data, name]),
  ];
  const kind = random.below(100);
  if (kind < 75) {
    const [where, name] = random.pick(lists);
    const rows = where.get(name).map((row) => new Map(row));
    where.set(name, spoiledRows(random, rows, result.get('id_field') ?? 'id'));
    const bare = Array.isArray(document) && random.chance(80);
    return bare ? result.get('primary_rows') : result;
  }
  const notNumber = () => random.pick([null, true, '12', '', [], new Map(), [NUMBERS[3]]]);
  const notName = () => random.pick([null, true, '', NUMBERS[3], [], ['id'], new Map()]);
  const spoil = random.pick([
    () => result.set('primary_metric', notNumber()),
    () => result.set('id_field', notName()),
    () => result.set('rank_by', notName()),
    () => result.set('rank_order', random.pick([null, '', 'up', 'DESC', NUMBERS[0], ['asc']])),
    () => result.set('materialized_data', random.pick([null, [], 'x', true, NUMBERS[0]])),
    () => {
      data.set(random.pick(['x', 'é']), random.pick([null, true, 'x', '1', new Map()]));
      result.set('materialized_data', data);
    },
    () => result.set('primary', random.pick(['none', 'None'])),
    () => result.set('primary', notName()),
    () => result.set('primary_rows', random.pick([null, true, 'x', NUMBERS[0], new Map()])),
    () => {
      result.delete('primary');
      result.delete('primary_rows');
      data.clear();
    },
    () => {
      result.delete('primary');
      result.delete('primary_rows');
      data.set('another', []).set('one more', []);
      result.set('materialized_data', data);
    },
  ]);
  spoil();
  return result;
}

function spoiledRows(random, rows, idField) {
  const at = random.below(rows.length + 1);
  const kind = random.below(10);
  if (kind < 2) {
    rows.splice(at, 0, random.pick([null, true, 'x', NUMBERS[3], [], [new Map()]]));
  } else if (kind < 3) {
    rows.splice(at, 0, new Map([[idField === 'x' ? 'y' : 'x', NUMBERS[3]]]));
  } else if (kind < 5) {
    const id = random.pick([null, true, false, [], ['a'], new Map()]);
    rows.splice(at, 0, new Map([[idField, id]]));
  } else {
    if (rows.length === 0) rows.push(new Map([[idField, random.pick([...STRINGS, ...NUMBERS])]]));
    const id = random.pick(rows).get(idField);
    const again = isNumber(id) ? respelled(random, id) : id;
    rows.splice(at, 0, new Map([[idField, again]]));
    if (random.chance(20)) rows.push(new Map(rows[0]));
  }
  return rows;
}
