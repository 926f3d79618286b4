import type { CacheEntry } from "./entry.ts";
import { ownCopy } from "./own-copy.ts";

interface Slot {
  entry: CacheEntry;
  bytes: number;
  /** Since it came, less those that turns were paid with. */
  hits: number;
}

/** Bytes that one slot costs beside its body and key: the map's node, the objects, the etag. Measured: 250 to 310 of a balance. */
const SLOT_OVERHEAD = 350;
/** Bytes that the key of one that is gone costs. */
const GONE_BYTES = 130;
/**
 * Keys of gone ones that are known, as a share of what is held. The paper has all that the main queue could hold; beside 24,000
 * answers 10,000 and 40,000 of them made no difference in a simulation.
 */
const GONE = 1 / 4;
/** Share of the limit that is left to those on probation, as in the paper. */
const PROBATION = 1 / 10;
/** One hit pays a turn of so many bytes: what an answer is worth is its hits for each byte. A balance takes fewer. */
const TURN_BYTES = 1024;
/** Turns that hits can pay for beforehand, as in the paper. */
const MOST_TURNS = 3;
/**
 * Share that is made room for at once. What goes leaves a hole at the front of the map, and a search passes all holes again: for one
 * slot at a time that took most of what a set costs. An iterator that is kept would keep what is gone.
 */
const ROOM = 1 / 64;

/** Slots in the order in which their turns come, and what they take. */
class Queue {
  readonly slots = new Map<string, Slot>();
  bytes = 0;

  put(key: string, slot: Slot): void {
    this.slots.set(key, slot);
    this.bytes += slot.bytes;
  }

  take(key: string): Slot | undefined {
    const slot = this.slots.get(key);
    if (slot === undefined) return undefined;
    this.slots.delete(key);
    this.bytes -= slot.bytes;
    return slot;
  }

  clear(): void {
    this.slots.clear();
    this.bytes = 0;
  }
}

/**
 * Ready-made answers inside the process, bounded by bytes. What is kept is decided as in S3-FIFO (Yang et al., SOSP 2023): most
 * answers are asked for once, so a new one is on probation in a short queue. Who is asked for again meanwhile, or soon after it
 * went, gets a place in the main queue, where hits pay for each further turn, large answers more of them. A hit only counts: the
 * hottest path writes one number instead of moving list nodes.
 */
export class L1Cache {
  readonly #limit: number;
  readonly #probation = new Queue();
  readonly #main = new Queue();
  /** Keys of those that went from probation or were deleted from the main queue, the oldest first. */
  readonly #gone = new Set<string>();

  constructor(limitBytes: number) {
    this.#limit = limitBytes;
  }

  get size(): number {
    return this.#main.slots.size + this.#probation.slots.size;
  }

  get bytes(): number {
    return this.#main.bytes + this.#probation.bytes + this.#gone.size * GONE_BYTES;
  }

  get(key: string): CacheEntry | undefined {
    const slot = this.#main.slots.get(key) ?? this.#probation.slots.get(key);
    if (slot === undefined) return undefined;
    slot.hits++;
    return slot.entry;
  }

  set(key: string, entry: CacheEntry): void {
    const bytes = entry.bytes + key.length + SLOT_OVERHEAD;
    if (bytes > this.#limit) return;
    // News of what is held takes its place.
    const queue = this.#main.slots.has(key) ? this.#main : this.#probation;
    const slot = queue.slots.get(key);
    if (slot) {
      queue.bytes += bytes - slot.bytes;
      slot.entry = entry;
      slot.bytes = bytes;
    } else {
      const returns = this.#gone.delete(key) && turnOf(bytes) === 1;
      (returns ? this.#main : this.#probation).put(ownCopy(key), { entry, bytes, hits: 0 });
    }
    if (this.bytes > this.#limit) this.#makeRoom();
  }

  delete(key: string): void {
    this.#probation.take(key);
    // What is written is read again, and has shown before that it is worth its place.
    if (this.#main.take(key)) this.#remember(key);
  }

  clear(): void {
    this.#probation.clear();
    this.#main.clear();
    this.#gone.clear();
  }

  #makeRoom(): void {
    const target = this.#limit * (1 - ROOM);
    for (const [key, slot] of this.#probation.slots) {
      if (this.bytes <= target) return;
      if (this.#probation.bytes <= this.#limit * PROBATION) break;
      this.#probation.take(key);
      if (slot.hits >= turnOf(slot.bytes)) {
        slot.hits = 0;
        this.#main.put(key, slot);
      } else this.#remember(key);
    }
    for (const [key, slot] of this.#main.slots) {
      if (this.bytes <= target) return;
      this.#main.take(key);
      const turn = turnOf(slot.bytes);
      slot.hits = Math.min(slot.hits, turn * MOST_TURNS) - turn;
      if (slot.hits >= 0) this.#main.put(key, slot);
    }
  }

  #remember(key: string): void {
    this.#gone.add(key);
    const most = this.size * GONE;
    if (this.#gone.size <= most) return;
    for (const oldest of this.#gone) {
      if (this.#gone.size <= most * (1 - ROOM)) return;
      this.#gone.delete(oldest);
    }
  }
}

/** Hits that one more turn of so many bytes costs. */
function turnOf(bytes: number): number {
  return Math.ceil(bytes / TURN_BYTES);
}
