/** What became of one request. */
export interface Shot {
  /** When it was due, by the process's clock of {@link performance}. */
  readonly due: number;
  /** From the moment it was due until its answer was there, milliseconds: waiting for its turn counts. */
  readonly ms: number;
  /** What was wrong with the answer; undefined if nothing. */
  readonly complaint: string | undefined;
}

/** Requests at a steady rate, whether or not earlier ones have been answered. */
export class SteadyLoad {
  readonly #shots: Shot[] = [];
  readonly #open = new Set<Promise<void>>();
  readonly #begin = performance.now();
  readonly #timer: NodeJS.Timeout;
  #fired = 0;

  /**
   * @param perSecond requests a second.
   * @param request makes one and resolves with what is wrong about its answer, if anything. May reject.
   */
  constructor(perSecond: number, request: () => Promise<string | undefined>) {
    this.#timer = setInterval(() => {
      while (this.#begin + (this.#fired * 1000) / perSecond <= performance.now()) {
        const due = this.#begin + (this.#fired++ * 1000) / perSecond;
        const shot = this.#fire(due, request).finally(() => this.#open.delete(shot));
        this.#open.add(shot);
      }
    }, 5);
  }

  async #fire(due: number, request: () => Promise<string | undefined>): Promise<void> {
    const complaint = await request().catch((error: unknown) => String(error));
    this.#shots.push({ due, ms: performance.now() - due, complaint });
  }

  /** Resolves when all that was asked has been answered. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#open);
  }

  /** Requests that were due in this span. */
  between(from: number, to: number): Shot[] {
    return this.#shots.filter(({ due }) => due >= from && due < to);
  }

  /** What was wrong, with how often. */
  complaints(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { complaint } of this.#shots)
      if (complaint !== undefined) counts[complaint] = (counts[complaint] ?? 0) + 1;
    return counts;
  }
}

/** The latency that this share of the requests did not exceed, milliseconds. */
export function latencyAt(share: number, shots: readonly Shot[]): number {
  const sorted = shots.map(({ ms }) => ms).sort((a, b) => a - b);
  return sorted[Math.min(Math.ceil(share * sorted.length), sorted.length) - 1] ?? Number.NaN;
}
