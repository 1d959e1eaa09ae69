// JSON values as the oracle holds them: null, booleans, strings, Decimal, arrays, and Map for an
// object.

import { Decimal } from './decimal.mjs';

export const isNumber = (value) => value instanceof Decimal;
export const isObject = (value) => value instanceof Map;
export const isString = (value) => typeof value === 'string';

/** An object of the given keys, those that are undefined left out. */
export function object(entries) {
  return new Map(Object.entries(entries).filter(([, value]) => value !== undefined));
}

export const integer = (n) => Decimal.parse(String(n));

/** The text of a value, numbers as they were written. */
export function write(value) {
  if (isNumber(value)) return value.text;
  if (Array.isArray(value)) return `[${value.map(write).join(',')}]`;
  if (isObject(value)) {
    const members = [];
    for (const [key, member] of value) members.push(`${JSON.stringify(key)}:${write(member)}`);
    return `{${members.join(',')}}`;
  }
  return JSON.stringify(value);
}

/** Whether two values mean the same: numbers by value, objects whatever the order of their keys. */
export function equal(a, b) {
  if (isNumber(a)) return isNumber(b) && a.equals(b);
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, i) => equal(item, b[i]));
  }
  if (isObject(a)) {
    if (!isObject(b) || a.size !== b.size) return false;
    for (const [key, value] of a) if (!b.has(key) || !equal(value, b.get(key))) return false;
    return true;
  }
  return a === b;
}

/** The order of C: by the bytes of UTF-8, not by the UTF-16 units that JavaScript compares. */
export function compareNames(a, b) {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
