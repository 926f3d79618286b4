import type { Lsn } from "./lsn.ts";

interface Sample {
  readonly at: number;
  readonly lsn: Lsn;
}

/**
 * Remembers where the primary's log stood at which time. A replica that has replayed up to a sample has seen every
 * commit that was acknowledged before the sample was asked for.
 */
export class PrimaryClock {
  readonly #samples: Sample[] = [];
  readonly #keepMs: number;

  constructor(keepMs: number) {
    this.#keepMs = keepMs;
  }

  /** @param at when the question was sent, not when the answer came. */
  note(at: number, lsn: Lsn): void {
    this.#samples.push({ at, lsn });
    while (this.#samples[0] && this.#samples[0].at < at - this.#keepMs) this.#samples.shift();
  }

  /** The oldest moment that it can tell of. */
  get since(): number | undefined {
    return this.#samples[0]?.at;
  }

  /** Up to when a node that replayed `lsn` is known to be current; undefined if no sample can tell. */
  currentAt(lsn: Lsn): number | undefined {
    for (let at = this.#samples.length - 1; at >= 0; at--) {
      const sample = this.#samples[at];
      if (sample && sample.lsn <= lsn) return sample.at;
    }
    return undefined;
  }

  /** Whether the primary answered lately, so that its samples may be held against a replica. */
  runs(now: number): boolean {
    const last = this.#samples.at(-1);
    return last !== undefined && now - last.at <= this.#keepMs / 2;
  }
}
