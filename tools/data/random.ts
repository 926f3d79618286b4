import { createHash } from "node:crypto";

/**
 * A seeded source of numbers. The same seed and name give the same sequence on every machine; each part of the
 * data draws from a source of its own name, so that a change in one part leaves the others as they are.
 */
export class Random {
  private a: number;
  private b: number;
  private c: number;
  private counter = 1;

  constructor(seed: number, name: string) {
    const digest = createHash("sha256").update(`${seed}|${name}`).digest();
    this.a = digest.readInt32LE(0);
    this.b = digest.readInt32LE(4);
    this.c = digest.readInt32LE(8);
    for (let round = 0; round < 12; round += 1) this.next();
  }

  /** Uniform in [0, 1), 32 bits (the sfc32 generator). */
  next(): number {
    const sum = (this.a + this.b + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = ((this.c << 21) | (this.c >>> 11)) + sum;
    this.c |= 0;
    return (sum >>> 0) / 4_294_967_296;
  }

  /** Whole number in [0, limit). */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** Log-normal with the given median; sigma is the spread of the logarithm. */
  logNormal(median: number, sigma: number): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.next()));
    return median * Math.exp(sigma * radius * Math.cos(2 * Math.PI * this.next()));
  }

  /** Pareto: at least `least`, with a tail of exponent `alpha`. */
  pareto(least: number, alpha: number): number {
    return least * (1 - this.next()) ** (-1 / alpha);
  }
}

/** Draws ranks 0, 1, 2 ... below `count` with probability proportional to 1 / (rank + 1) ** exponent. */
export class Zipf {
  private readonly cumulative: Float64Array;

  constructor(count: number, exponent: number) {
    this.cumulative = new Float64Array(count);
    let total = 0;
    for (let rank = 0; rank < count; rank += 1) {
      total += (rank + 1) ** -exponent;
      this.cumulative[rank] = total;
    }
  }

  draw(random: Random): number {
    const { cumulative } = this;
    const target = random.next() * (cumulative[cumulative.length - 1] ?? 0);
    let low = 0;
    let high = cumulative.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((cumulative[middle] ?? 0) <= target) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
