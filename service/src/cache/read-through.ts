import { setTimeout as pause } from "node:timers/promises";

import { Problem } from "../errors.ts";
import { Flow } from "../resilience/flow.ts";
import { SingleFlight } from "../resilience/single-flight.ts";
import { type CacheEntry, completed } from "./entry.ts";
import { jitteredTtl, refreshesEarly } from "./expiry.ts";
import type { Floors } from "./floors.ts";
import type { L1Cache } from "./l1.ts";
import type { CachePort, LeaseAnswer } from "./port.ts";
import type { Trust } from "./trust.ts";

/** What is said to whom is refused. */
export const BUSY = "too many reads wait for their answers";

/** Where an answer came from, as the X-Cache header says it. */
export type Origin = "l1" | "redis" | "replica" | "primary" | "stale";

/** An answer's text and what is known about them. */
export interface Served {
  readonly entry: CacheEntry;
  readonly origin: Origin;
}

/** Content fresh from a node. */
export interface Loaded {
  readonly kind: "value" | "absent";
  readonly version: number;
  readonly second: number;
  /** Epoch milliseconds up to which the node was known to have applied everything. */
  readonly readAt: number;
  readonly wrongAtTip: number;
  readonly body: string;
  readonly from: "replica" | "primary";
}

/** How one key is filled. */
export interface Source {
  readonly key: string;
  readonly ttlMs: number;
  /** @param node "any" may answer from a replica that is within the staleness bound. */
  load(node: "any" | "primary"): Promise<Loaded>;
}

export interface ReadThroughArgs {
  readonly l1: L1Cache;
  readonly shared: CachePort;
  readonly trust: Trust;
  readonly floors: Floors;
  readonly jitter: number;
  readonly staleIfErrorMs: number;
  readonly leaseMs: number;
  /** How long an answer that this process does not hold may take where many are wanted at once, milliseconds. */
  readonly waitMs: number;
  readonly holder: string;
  readonly count: (origin: Origin) => void;
  readonly onCacheError: (error: unknown) => void;
}

/** How long a process without the lease waits between two looks at the key. */
const LOOK_EVERY_MS = 8;
/** Keys that may be fetched at once however long that takes: an outage behind the caches is no overload. */
const LEAST_FETCHES = 64;

/** L1 -> shared cache -> node, with one refill per key in the cluster. */
export class ReadThrough {
  readonly #args: ReadThroughArgs;
  readonly #flights = new SingleFlight<Served>();
  readonly #fetches: Flow;
  readonly #refreshing = new Set<string>();

  constructor(args: ReadThroughArgs) {
    this.#args = args;
    this.#fetches = new Flow(args.waitMs, LEAST_FETCHES);
  }

  /**
   * What this process holds and may give as current. Nobody is served yet.
   * @param version below which the entry is none that the reader can use.
   */
  held(key: string, version = 0, now = Date.now()): CacheEntry | undefined {
    const { l1, trust } = this.#args;
    const entry = l1.get(key);
    return entry === undefined || entry.version < version || !trust.fresh(entry, now) ? undefined : entry;
  }

  /**
   * Somebody is served a held entry.
   * @param source made only if the entry is due for an early refresh: this is the hottest path.
   */
  serveHeld(entry: CacheEntry, source: () => Source, now = Date.now()): void {
    this.#args.count("l1");
    if (refreshesEarly(entry, now)) this.#refresh(source());
  }

  /** The answer if this process holds it, at once. */
  peek(key: string, source: () => Source, version = 0, now = Date.now()): Served | undefined {
    const entry = this.held(key, version, now);
    if (entry === undefined) return undefined;
    this.serveHeld(entry, source, now);
    return { entry, origin: "l1" };
  }

  /** Whether an answer that is not held would come too late, and nothing old enough to serve is left. */
  busy(key: string): boolean {
    return this.#crowded(key) && this.#stale(key, undefined) === undefined;
  }

  /**
   * The answer from the nearest place that has it.
   * @param version that the reader has to see. An answer below it is not counted: its reader goes on to where it was written.
   * @throws Problem `unavailable` or `overloaded` when no node can answer and nothing old enough to serve is left.
   */
  async get(source: Source, version = 0): Promise<Served> {
    const served = this.peek(source.key, () => source, version);
    if (served) return served;
    const found = this.#crowded(source.key)
      ? this.#oldOf(source.key)
      : await this.#flights.run(source.key, () => this.#fetches.run(() => this.#fetch(source)));
    if (found.entry.version >= version) this.#args.count(found.origin);
    return found;
  }

  /** The answer of content that was read past the caches, which keep it if they know nothing newer. */
  absorb(source: Source, loaded: Loaded): Served {
    this.#args.count(loaded.from);
    this.#background(this.put(source, loaded, 1));
    return { entry: this.#entryOf(source, loaded, 1), origin: loaded.from };
  }

  /** Keeps content that was read or written outside this path, unless something newer is known. */
  async put(source: Source, loaded: Loaded, costMs: number, holder = ""): Promise<CacheEntry | undefined> {
    const entry = this.#entryOf(source, loaded, costMs);
    const newer = await this.#args.shared.fill(source.key, entry, this.#keepMs(source.ttlMs), holder);
    if (newer === undefined) this.#keep(source.key, entry);
    return newer;
  }

  /** Puts content into this process alone. */
  keep(source: Source, loaded: Loaded): void {
    this.#keep(source.key, this.#entryOf(source, loaded, 1));
  }

  /** Whether one more fetch would take too long. What others wait for already is no more work. */
  #crowded(key: string): boolean {
    return this.#fetches.full && !this.#flights.has(key);
  }

  /** What this process knew last, in place of a fetch that would take too long. */
  #oldOf(key: string): Served {
    const entry = this.#stale(key, undefined);
    if (entry === undefined) throw new Problem("overloaded", { detail: BUSY });
    return { entry, origin: "stale" };
  }

  async #fetch(source: Source): Promise<Served> {
    const { shared, leaseMs, holder } = this.#args;
    let known: CacheEntry | undefined;
    try {
      let { current, granted } = await this.#look(source.key);
      const deadline = Date.now() + leaseMs;
      for (let tries = 0; ; tries++) {
        known = current ?? known;
        if (this.#usable(source.key, current)) {
          if (granted) this.#background(shared.release(source.key, holder));
          return this.#fromShared(source, current);
        }
        if (granted) return await this.#fill(source, holder, known);
        if (Date.now() >= deadline) break;
        if (tries > 0) await pause(LOOK_EVERY_MS * (0.5 + Math.random()));
        ({ current, granted } = await shared.lease(source.key, holder, leaseMs));
      }
    } catch (error) {
      if (error instanceof Problem) throw error;
      // The shared cache is away: the database answers, once per process and key.
      this.#args.onCacheError(error);
    }
    return await this.#fill(source, undefined, known);
  }

  /** What the shared cache has. Where this process holds an entry that is over, that is likely over there, too. */
  async #look(key: string): Promise<LeaseAnswer> {
    const { l1, shared, holder, leaseMs } = this.#args;
    const old = l1.get(key);
    if (old !== undefined) return await shared.lease(key, holder, leaseMs, old);
    return { granted: false, current: await shared.get(key) };
  }

  /**
   * Reads from a node, stores, and settles with what others stored meanwhile.
   * @param holder undefined while the shared cache is away: the answer must not wait for it a second time.
   */
  async #fill(source: Source, holder: string | undefined, known: CacheEntry | undefined): Promise<Served> {
    const { shared } = this.#args;
    const begin = performance.now();
    try {
      let loaded = await this.#load(source);
      let newer = await this.#store(source, loaded, performance.now() - begin, holder);
      if (newer?.kind === "tombstone" && loaded.from === "replica") {
        // The replica has not seen the change that the marker stands for.
        loaded = await source.load("primary");
        newer = await this.#store(source, loaded, performance.now() - begin, holder);
      }
      if (this.#usable(source.key, newer)) return this.#fromShared(source, newer);
      return { entry: this.#entryOf(source, loaded, performance.now() - begin), origin: loaded.from };
    } catch (error) {
      if (holder !== undefined) this.#background(shared.release(source.key, holder));
      const stale = this.#stale(source.key, known);
      if (stale) return { entry: stale, origin: "stale" };
      throw error;
    }
  }

  /** From the nearest node that is not behind what this process knows. */
  async #load(source: Source): Promise<Loaded> {
    const loaded = await source.load("any");
    const behind = loaded.from === "replica" && !this.#args.floors.allows(source.key, loaded);
    return behind ? await source.load("primary") : loaded;
  }

  /** Storing must not fail the answer. */
  async #store(
    source: Source,
    loaded: Loaded,
    costMs: number,
    holder: string | undefined,
  ): Promise<CacheEntry | undefined> {
    if (holder === undefined) {
      this.#keep(source.key, this.#entryOf(source, loaded, costMs));
      return undefined;
    }
    try {
      return await this.put(source, loaded, costMs, holder);
    } catch (error) {
      this.#args.onCacheError(error);
      this.#keep(source.key, this.#entryOf(source, loaded, costMs));
      return undefined;
    }
  }

  #fromShared(source: Source, entry: CacheEntry): Served {
    this.#keep(source.key, entry);
    if (refreshesEarly(entry, Date.now())) this.#refresh(source);
    return { entry, origin: "redis" };
  }

  #usable(key: string, entry: CacheEntry | undefined): entry is CacheEntry {
    if (entry === undefined || entry.kind === "tombstone") return false;
    return this.#args.trust.fresh(entry, Date.now()) && this.#args.floors.allows(key, entry);
  }

  /** The last known content, if it is not older than allowed and nothing newer is known to exist. */
  #stale(key: string, known: CacheEntry | undefined): CacheEntry | undefined {
    const { l1, floors, staleIfErrorMs } = this.#args;
    const local = l1.get(key);
    const entry = known !== undefined && known.readAt >= (local?.readAt ?? 0) ? known : local;
    if (entry === undefined || entry.kind === "tombstone" || !floors.allows(key, entry)) return undefined;
    return Date.now() < entry.expiresAt + staleIfErrorMs ? entry : undefined;
  }

  /** Renews in the background, under the cluster's lease: whoever else wants to, finds it taken. */
  #refresh(source: Source): void {
    const { shared, holder, leaseMs } = this.#args;
    if (this.#refreshing.has(source.key) || this.#flights.has(source.key)) return;
    this.#refreshing.add(source.key);
    this.#background(
      shared
        .lease(source.key, holder, leaseMs)
        .then(async ({ granted }) => {
          if (!granted) return;
          const begin = performance.now();
          try {
            await this.#store(source, await this.#load(source), performance.now() - begin, holder);
          } catch (error) {
            await shared.release(source.key, holder);
            throw error;
          }
        })
        .finally(() => this.#refreshing.delete(source.key)),
    );
  }

  #keep(key: string, entry: CacheEntry): void {
    const { l1, floors } = this.#args;
    const held = l1.get(key);
    const older = held !== undefined && (entry.version < held.version || entry.second < held.second);
    if (!older && floors.allows(key, entry)) l1.set(key, entry);
  }

  #entryOf(source: Source, loaded: Loaded, costMs: number): CacheEntry {
    const { kind, version, second, readAt, wrongAtTip, body } = loaded;
    const expiresAt = Math.floor(readAt + jitteredTtl(source.ttlMs, this.#args.jitter));
    return completed({ kind, version, second, readAt, expiresAt, costMs, wrongAtTip, body });
  }

  #keepMs(ttlMs: number): number {
    return ttlMs + this.#args.staleIfErrorMs;
  }

  #background(work: Promise<unknown>): void {
    work.catch(this.#args.onCacheError);
  }
}
