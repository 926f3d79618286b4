import { createHash } from "node:crypto";

import { rateKey } from "../cache/keys.ts";
import type { SharedFacts } from "../cache/port.ts";

/** Requests are counted over two windows of this length, the older one weighted by what is left of it. */
const WINDOW_MS = 10_000;
/** A key's count is told to the others once it is this share of the limit: twenty processes see every key that exceeds it. */
const SHARE_TOLD = 1 / 20;
/** Keys told at once; the busiest first. */
const TOLD_AT_MOST = 1000;
/** Keys that are counted in one window. Further ones go uncounted: memory stays bounded under any number of callers. */
const KEYS_AT_MOST = 50_000;

interface Count {
  /** Requests that this process let through. */
  own: number;
  /** Those of `own` that the shared cache was told of. */
  told: number;
  /** Requests that the other processes let through, as of the last exchange. */
  others: number;
}

export interface RateLimiterArgs {
  /** Names the limit among others in the shared cache. */
  readonly name: string;
  /** Requests a second and key, averaged over 10 s; 0: no limit. */
  readonly perSecond: number;
  readonly facts: Pick<SharedFacts, "add" | "readHash">;
}

/**
 * Limits requests by key over all processes. Each decides by its own memory alone; what busy keys used goes to the shared
 * cache once a second, in one batch, and comes back as what the others let through. Between two exchanges the processes
 * together may let through up to a second's requests too many each; without the shared cache, the limit holds for each process.
 *
 * Of our own, since the libraries ask Redis about each request, or count in one process alone.
 */
export class RateLimiter {
  readonly #args: RateLimiterArgs;
  readonly #perWindow: number;
  #window = 0;
  #current = new Map<string, Count>();
  #previous = new Map<string, Count>();

  constructor(args: RateLimiterArgs) {
    this.#args = args;
    this.#perWindow = (args.perSecond * WINDOW_MS) / 1000;
  }

  /** Keys that are counted at the moment. */
  get keys(): number {
    return this.#current.size;
  }

  /**
   * Counts a request if it is within the limit.
   * @param now milliseconds since 1970: all processes cut their windows alike.
   * @returns 0, or the seconds after which a request of this key is let through if it asks nothing until then, at least 1.
   */
  take(key: string, now = Date.now()): number {
    const limit = this.#perWindow;
    if (limit === 0) return 0;
    this.#roll(now);
    let count = this.#current.get(key);
    if (count === undefined) {
      if (this.#current.size >= KEYS_AT_MOST) return 0;
      count = { own: 0, told: 0, others: 0 };
      this.#current.set(key, count);
    }
    const before = total(this.#previous.get(key));
    const current = total(count);
    const passed = (now % WINDOW_MS) / WINDOW_MS;
    if (before * (1 - passed) + current < limit) {
      count.own++;
      return 0;
    }
    // What stands in the way fades evenly: first what the older window left, then this one's own.
    const windows = current < limit ? 1 - (limit - current) / before - passed : 2 - limit / current - passed;
    return Math.max(1, Math.floor((windows * WINDOW_MS) / 1000) + 1);
  }

  /** Tells the others what busy keys used here, and hears what they used there. Call it once a second. */
  async exchange(now = Date.now()): Promise<void> {
    this.#roll(now);
    const tell = [...this.#current]
      .filter(([, { own, told }]) => own > told && own >= this.#perWindow * SHARE_TOLD)
      .sort(([, a], [, b]) => b.own - a.own)
      .slice(0, TOLD_AT_MOST);
    const busy = tell.map(([key, count]) => [fieldOf(key), count] as const);
    if (busy.length === 0) return;
    const amounts = busy.map(([field, count]) => [field, count.own - count.told] as const);
    // Counted as told beforehand: a lost answer must not count twice.
    for (const [, count] of busy) count.told = count.own;
    const told = busy.map(([field, count]) => [field, count, count.told] as const);
    const shared = rateKey(this.#args.name, this.#window);
    await this.#args.facts.add(shared, Object.fromEntries(amounts), 2 * WINDOW_MS);
    const totals = await this.#args.facts.readHash(shared);
    for (const [field, count, mine] of told) count.others = Math.max(0, Number(totals[field] ?? 0) - mine);
  }

  #roll(now: number): void {
    const window = Math.floor(now / WINDOW_MS);
    if (window === this.#window) return;
    this.#previous = window === this.#window + 1 ? this.#current : new Map();
    this.#current = new Map();
    this.#window = window;
  }
}

function total(count: Count | undefined): number {
  return count === undefined ? 0 : count.own + count.others;
}

/** Keys are addresses of people: the shared cache gets no readable ones. */
function fieldOf(key: string): string {
  return createHash("sha256").update(key).digest("base64url").slice(0, 16);
}
