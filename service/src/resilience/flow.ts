/** Share of the newest one in the mean: that of the last fifty or so counts. */
const NEWEST = 0.02;

/**
 * Work of one kind that shares what it needs, of whatever kind that is: processor time, connections, another part's answers. How
 * long one more will take is known from how long each took lately while many were under way (Little's law).
 */
export class Flow {
  readonly #waitMs: number;
  readonly #least: number;
  #running = 0;
  /** Milliseconds between two ends, as long as there are many under way: a moving mean. */
  #eachMs = 0;

  /**
   * @param waitMs how long one more may take, milliseconds
   * @param least so many may be under way however slow they are. With fewer, nothing is learned either: alone, each takes as long
   * as it does, and would not hold up another one.
   */
  constructor(waitMs: number, least: number) {
    this.#waitMs = waitMs;
    this.#least = least;
  }

  /** Whether one more would take too long. */
  get full(): boolean {
    return this.#running >= this.#least && this.#running * this.#eachMs > this.#waitMs;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    const begin = performance.now();
    const among = ++this.#running;
    try {
      return await work();
    } finally {
      this.#running--;
      if (among >= this.#least) this.#eachMs += NEWEST * ((performance.now() - begin) / among - this.#eachMs);
    }
  }
}
