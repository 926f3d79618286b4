import type { CacheEntry } from "./entry.ts";
import { ownerOf } from "./keys.ts";
import { ownCopy } from "./own-copy.ts";

interface Floor {
  least: number;
  until: number;
}

/** How often those that are over are looked for, milliseconds: a search passes all that is gone already. */
const EXPIRE_EVERY_MS = 1000;

/**
 * The lowest versions that may still be served, as this process heard of changes. They protect it even where the shared cache has
 * lost a marker, or a replica answers from the past. All views of an account show its row, and have its version's floor in common;
 * what else a view shows has a floor by its key.
 */
export class Floors {
  readonly #versions = new Map<string, Floor>();
  readonly #seconds = new Map<string, Floor>();
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
    return this.#versions.size + this.#seconds.size;
  }

  /** @returns false when there is no room: the caller then has to distrust everything that it holds. */
  raise(key: string, version: number, second: number, now = Date.now()): boolean {
    const until = now + this.#keepMs;
    if (version > 0) raiseIn(this.#versions, ownerOf(key), version, until);
    if (second > 0) raiseIn(this.#seconds, key, second, until);
    if (now - this.#expired >= EXPIRE_EVERY_MS || this.size > this.#limit) {
      this.#expired = now;
      expire(this.#versions, now);
      expire(this.#seconds, now);
    }
    return this.size <= this.#limit;
  }

  /** Whether content of these versions is not known to be superseded. */
  allows(key: string, { version, second }: Pick<CacheEntry, "version" | "second">): boolean {
    return (
      version >= (this.#versions.get(ownerOf(key))?.least ?? 0) &&
      second >= (this.#seconds.get(key)?.least ?? 0)
    );
  }

  clear(): void {
    this.#versions.clear();
    this.#seconds.clear();
  }
}

/** The newest goes to the end: a map is in the order of the last raise, hence of expiry. */
function raiseIn(floors: Map<string, Floor>, name: string, least: number, until: number): void {
  const floor = floors.get(name) ?? { least, until };
  floors.delete(name);
  floor.least = Math.max(floor.least, least);
  floor.until = until;
  floors.set(ownCopy(name), floor);
}

function expire(floors: Map<string, Floor>, now: number): void {
  for (const [name, { until }] of floors) {
    if (until > now) break;
    floors.delete(name);
  }
}
