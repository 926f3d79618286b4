import type { CacheEntry } from "./entry.ts";

/** What the read path found when it asked for the right to refill a key. */
export interface LeaseAnswer {
  /** True: the caller refills, and gives the lease back with `fill` or `release`. */
  readonly granted: boolean;
  /** What the key held at that moment. */
  readonly current: CacheEntry | undefined;
}

/** The shared cache, whatever client stands behind it. Each call is one round trip. All reject when it can not answer. */
export interface CachePort {
  get(key: string): Promise<CacheEntry | undefined>;

  /**
   * Asks for the right to refill; one holder in the whole cluster for `leaseMs`. Answers with the current content too.
   * @param old what the caller holds and has no use for: it has no need of the right where the key holds something else.
   */
  lease(key: string, holder: string, leaseMs: number, old?: CacheEntry): Promise<LeaseAnswer>;

  release(key: string, holder: string): Promise<void>;

  /**
   * Puts an entry unless the key holds a newer one, and ends the holder's lease.
   * @returns the newer entry that stood in the way, or undefined if this one was stored.
   */
  fill(key: string, entry: CacheEntry, keepMs: number, holder: string): Promise<CacheEntry | undefined>;

  /** Marks that versions below these are old, unless the keys hold that or newer. All keys share one slot. */
  bury(keys: readonly string[], marker: CacheEntry, keepMs: number): Promise<void>;
}

/** Small shared facts beside the cache: presence, figures, messages. Losing them harms no answer's correctness. */
export interface SharedFacts {
  publish(channel: string, message: string): Promise<void>;
  /** Adds to counters of one hash, which lives `keepMs` longer. */
  add(key: string, fields: Readonly<Record<string, number>>, keepMs: number): Promise<void>;
  readHash(key: string): Promise<Record<string, string>>;
  writeField(key: string, field: string, value: string, keepMs: number): Promise<void>;
  removeField(key: string, field: string): Promise<void>;
}
