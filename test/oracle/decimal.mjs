// Exact decimals: a whole number of units of 10^-scale. Nothing here rounds unless it says so.

const TEXT = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

export class Decimal {
  /** @param {bigint} units @param {number} scale @param {string} [text] as it was written */
  constructor(units, scale, text) {
    this.units = units;
    this.scale = scale;
    this.text = text ?? plain(units, scale);
  }

  static parse(text) {
    const [, sign, whole, fraction = '', exponent = '0'] = TEXT.exec(text);
    let units = BigInt(whole + fraction);
    let scale = fraction.length - Number(exponent);
    if (scale < 0) {
      units *= 10n ** BigInt(-scale);
      scale = 0;
    }
    return new Decimal(sign ? -units : units, scale, text);
  }

  /** The units that this number has at a larger scale. */
  at(scale) {
    return scale === this.scale ? this.units : this.units * 10n ** BigInt(scale - this.scale);
  }

  /** -1, 0 or 1 */
  compare(other) {
    const scale = Math.max(this.scale, other.scale);
    const [a, b] = [this.at(scale), other.at(scale)];
    return a < b ? -1 : a > b ? 1 : 0;
  }

  equals(other) {
    return this.compare(other) === 0;
  }

  sign() {
    return this.units < 0n ? -1 : this.units > 0n ? 1 : 0;
  }

  minus(other) {
    const scale = Math.max(this.scale, other.scale);
    return new Decimal(this.at(scale) - other.at(scale), scale);
  }

  times(other) {
    return new Decimal(this.units * other.units, this.scale + other.scale);
  }

  plain() {
    return plain(this.units, this.scale);
  }

  abs() {
    return this.units < 0n ? new Decimal(-this.units, this.scale) : this;
  }

  /** This / abs(other), half away from zero to 6 places, without trailing zeros; null for 0. */
  shareOf(other) {
    if (other.units === 0n) return null;
    const scale = Math.max(this.scale, other.scale);
    const numerator = this.abs().at(scale) * 10n ** 6n;
    const denominator = other.abs().at(scale);
    let units = numerator / denominator;
    if ((numerator % denominator) * 2n >= denominator) units += 1n;
    let places = 6;
    while (places > 0 && units % 10n === 0n) {
      units /= 10n;
      places -= 1;
    }
    return new Decimal(this.units < 0n ? -units : units, places);
  }
}

function plain(units, scale) {
  const digits = String(units < 0n ? -units : units).padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  const fraction = digits.slice(digits.length - scale);
  return (units < 0n ? '-' : '') + whole + (scale > 0 ? `.${fraction}` : '');
}
