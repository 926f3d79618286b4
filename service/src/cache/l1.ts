import type { CacheEntry } from "./entry.ts";

interface Slot {
  readonly entry: CacheEntry;
  readonly bytes: number;
  used: boolean;
}

/** Bytes that one slot costs beside its body and key: the map's node, the objects, the etag. Measured: 604 of a balance. */
const SLOT_OVERHEAD = 600;
/**
 * Share of the limit that is made room for at once. What goes leaves a hole at the front of the map, and a search passes all holes
 * again: for one slot at a time that took most of what a set costs. An iterator that is kept would keep what is gone.
 */
const ROOM = 1 / 64;

/**
 * Ready-made answers inside the process, bounded by bytes. Evicts by second chance: a hit only sets a flag, so that the
 * hottest path writes one boolean instead of moving list nodes.
 */
export class L1Cache {
  readonly #slots = new Map<string, Slot>();
  readonly #limit: number;
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
    this.#bytes = 0;
  }

  #evict(): void {
    const target = this.#limit - this.#limit * ROOM;
    for (const [key, slot] of this.#slots) {
      if (this.#bytes <= target) return;
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
