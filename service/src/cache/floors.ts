import type { CacheEntry } from "./entry.ts";

interface Floor {
  version: number;
  second: number;
  until: number;
}

/** How often those that are over are looked for, milliseconds. */
const EXPIRE_EVERY_MS = 1000;

/**
 * The lowest versions that may still be served, by key, as this process heard of changes. They protect it even where
 * the shared cache has lost a marker, or a replica answers from the past.
 */
export class Floors {
  readonly #floors = new Map<string, Floor>();
  readonly #keepMs: number;
  readonly #limit: number;
  #expired = 0;

  /**
   * @param keepMs longer than any older entry can live.
   * @param limit floors kept; see `raise`.
   */
  constructor(keepMs: number, limit: number) {
    this.#keepMs = keepMs;
    this.#limit = limit;
  }

  get size(): number {
    return this.#floors.size;
  }

  /** @returns false when there is no room: the caller then has to distrust everything that it holds. */
  raise(key: string, version: number, second: number, now = Date.now()): boolean {
    const floor = this.#floors.get(key);
    if (floor) {
      this.#floors.delete(key);
      floor.version = Math.max(floor.version, version);
      floor.second = Math.max(floor.second, second);
      floor.until = now + this.#keepMs;
      this.#floors.set(key, floor);
      return true;
    }
    this.#floors.set(key, { version, second, until: now + this.#keepMs });
    // Not each time: a search that begins anew passes all that is gone already.
    if (now - this.#expired >= EXPIRE_EVERY_MS || this.#floors.size > this.#limit) this.#expire(now);
    return this.#floors.size <= this.#limit;
  }

  /** Whether content of these versions is not known to be superseded. */
  allows(key: string, entry: Pick<CacheEntry, "version" | "second">): boolean {
    const floor = this.#floors.get(key);
    return floor === undefined || (entry.version >= floor.version && entry.second >= floor.second);
  }

  clear(): void {
    this.#floors.clear();
  }

  /** The map is ordered by the time of the last raise, hence by expiry. */
  #expire(now: number): void {
    this.#expired = now;
    for (const [key, floor] of this.#floors) {
      if (floor.until > now) break;
      this.#floors.delete(key);
    }
  }
}
