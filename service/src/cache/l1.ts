import type { CacheEntry } from "./entry.ts";

interface Slot {
  readonly entry: CacheEntry;
  readonly bytes: number;
  used: boolean;
}

/** Bytes that one slot costs beside its body and key: the map's node, the objects, the etag. Measured: 604 of a balance. */
const SLOT_OVERHEAD = 600;

/**
 * Ready-made answers inside the process, bounded by bytes. Evicts by second chance: a hit only sets a flag, so that the
 * hottest path writes one boolean instead of moving list nodes.
 */
export class L1Cache {
  readonly #slots = new Map<string, Slot>();
  readonly #limit: number;
  /** Where the search for what goes went on last: one that began anew would pass all that is gone already each time. */
  #hand = this.#slots.entries();
  #bytes = 0;

  constructor(limitBytes: number) {
    this.#limit = limitBytes;
  }

  get size(): number {
    return this.#slots.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(key: string): CacheEntry | undefined {
    const slot = this.#slots.get(key);
    if (slot === undefined) return undefined;
    slot.used = true;
    return slot.entry;
  }

  set(key: string, entry: CacheEntry): void {
    const bytes = entry.bytes + key.length + SLOT_OVERHEAD;
    if (bytes > this.#limit) return;
    this.delete(key);
    this.#slots.set(key, { entry, bytes, used: false });
    this.#bytes += bytes;
    if (this.#bytes > this.#limit) this.#evict();
  }

  delete(key: string): void {
    const slot = this.#slots.get(key);
    if (slot === undefined) return;
    this.#slots.delete(key);
    this.#bytes -= slot.bytes;
  }

  clear(): void {
    this.#slots.clear();
    this.#hand = this.#slots.entries();
    this.#bytes = 0;
  }

  #evict(): void {
    while (this.#bytes > this.#limit) {
      const { value, done } = this.#hand.next();
      // What comes to the end of the line meanwhile is found by the same search.
      if (done) {
        this.#hand = this.#slots.entries();
        continue;
      }
      const [key, slot] = value;
      this.#slots.delete(key);
      if (slot.used) {
        // Back to the end of the line, once.
        slot.used = false;
        this.#slots.set(key, slot);
      } else {
        this.#bytes -= slot.bytes;
      }
    }
  }
}
