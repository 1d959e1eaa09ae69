// What a snapshot document holds, or why it is none.

import { isNumber, isObject, isString } from './json.mjs';

class Refused extends Error {}

/** Where a document is no snapshot and why, or null. */
export function problemOf(document) {
  try {
    readSnapshot(document);
    return null;
  } catch (error) {
    if (error instanceof Refused) return error.message;
    throw error;
  }
}

/**
 * Each row source is an array of {id, fields, rank}.
 * @returns {{primary: object[], sources: Map<string, object[]>, metrics: Map, metric: ?object}}
 */
export function readSnapshot(document) {
  if (!Array.isArray(document) && !isObject(document)) {
    throw new Refused('$: must be an array of rows or an object');
  }
  const content = Array.isArray(document) ? new Map([['primary_rows', document]]) : document;

  const name = (key, otherwise) => {
    if (!content.has(key)) return otherwise;
    const value = content.get(key);
    if (!isString(value) || value === '') throw new Refused(`${key}: must be a non-empty string`);
    return value;
  };
  const idField = name('id_field', 'id');
  const rankBy = name('rank_by', null);
  const order = content.has('rank_order') ? content.get('rank_order') : 'desc';
  if (order !== 'asc' && order !== 'desc') {
    throw new Refused('rank_order: must be "asc" or "desc"');
  }
  const metric = content.has('primary_metric') ? content.get('primary_metric') : null;
  if (content.has('primary_metric') && !isNumber(metric)) {
    throw new Refused('primary_metric: must be a number');
  }
  const data = content.has('materialized_data') ? content.get('materialized_data') : new Map();
  if (!isObject(data)) throw new Refused('materialized_data: must be an object');

  const metrics = new Map();
  const lists = new Map();
  for (const [key, value] of data) {
    if (isNumber(value)) metrics.set(key, value);
    else if (Array.isArray(value)) lists.set(key, value);
    else throw new Refused(`materialized_data.${key}: must be an array of rows or a number`);
  }
  const primaryName = name('primary', null);
  const sources = new Map();
  for (const [key, list] of lists) {
    sources.set(key, readRows(list, `materialized_data.${key}`, idField, rankBy, order));
  }
  let primary;
  if (content.has('primary_rows')) {
    const list = content.get('primary_rows');
    if (!Array.isArray(list)) throw new Refused('primary_rows: must be an array of rows');
    primary = readRows(list, 'primary_rows', idField, rankBy, order);
  } else {
    if (primaryName !== null && !lists.has(primaryName)) {
      throw new Refused(`primary: "${primaryName}" is no row source of materialized_data`);
    }
    if (!content.has('materialized_data')) throw new Refused('primary_rows: is missing');
    if (primaryName === null && sources.size !== 1) {
      const known = 'so that the primary one is not known';
      throw new Refused(`materialized_data: holds ${sources.size} row sources, ${known}`);
    }
    const chosen = primaryName ?? [...sources.keys()][0];
    primary = sources.get(chosen);
    sources.delete(chosen);
  }
  return { primary, sources, metrics, metric };
}

function readRows(list, place, idField, rankBy, order) {
  const rows = [];
  for (const [i, fields] of list.entries()) {
    const here = `${place}[${i}]`;
    if (!isObject(fields)) throw new Refused(`${here}: must be an object`);
    if (!fields.has(idField)) throw new Refused(`${here}: id field "${idField}" is missing`);
    const id = fields.get(idField);
    if (!isString(id) && !isNumber(id)) {
      throw new Refused(`${here}: id field "${idField}" must be a string or a number`);
    }
    for (const [j, row] of rows.entries()) {
      if (sameId(row.id, id)) {
        throw new Refused(`${here}: duplicate id ${shown(id)} (first at ${place}[${j}])`);
      }
    }
    rows.push({ id, fields });
  }
  for (const [i, row] of rows.entries()) {
    row.rank = rankBy === null ? i + 1 : 1 + rows.filter((r) => leads(r, row)).length;
  }
  return rows;

  // Whether one row ranks before another.
  function leads(row, other) {
    const [a, b] = [row.fields.get(rankBy), other.fields.get(rankBy)];
    if (!isNumber(a)) return false;
    if (!isNumber(b)) return true;
    return order === 'asc' ? a.compare(b) < 0 : a.compare(b) > 0;
  }
}

// As the server's messages quote: nothing is escaped.
const shown = (id) => (isNumber(id) ? id.plain() : `"${id}"`);

/** 1 and 1.0 are one id, 1 and "1" are two. */
export function sameId(a, b) {
  return isNumber(a) ? isNumber(b) && a.equals(b) : a === b;
}
