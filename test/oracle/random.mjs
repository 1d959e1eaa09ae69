// Random numbers from a seed: the same ones everywhere.

export class Random {
  /** @param {...number} seeds whole numbers */
  constructor(...seeds) {
    this.state = 0x9e3779b9;
    for (const seed of seeds) {
      this.state = Math.imul(this.state ^ (seed >>> 0), 0x85ebca6b);
      this.next();
    }
  }

  // mulberry32
  next() {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  }

  /** 0 ... n - 1 */
  below(n) {
    return this.next() % n;
  }

  /** from ... to, both included */
  between(from, to) {
    return from + this.below(to - from + 1);
  }

  chance(percent) {
    return this.below(100) < percent;
  }

  pick(list) {
    return list[this.below(list.length)];
  }

  /** Some of a list, in its order. */
  some(list, percent) {
    return list.filter(() => this.chance(percent));
  }

  shuffle(list) {
    for (let i = list.length - 1; i > 0; i -= 1) {
      const j = this.below(i + 1);
      [list[i], list[j]] = [list[j], list[i]];
    }
    return list;
  }
}
