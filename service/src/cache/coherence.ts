import { tombstone } from "./entry.ts";
import type { Floors } from "./floors.ts";
import { ACCOUNT_VIEWS, accountKey, poolKey } from "./keys.ts";
import type { L1Cache } from "./l1.ts";
import type { CachePort } from "./port.ts";
import type { Trust } from "./trust.ts";

/** A row that changed, and its new version. */
export type Change = readonly [key: string, version: number];

/** Tables whose rows the caches hold. */
export type ChangedTable = "balances" | "token_balances" | "dex_pools";

export interface CoherenceArgs {
  readonly l1: L1Cache;
  readonly floors: Floors;
  readonly trust: Trust;
  readonly shared: CachePort;
  /** A marker outlives the lag bound plus the query timeout, so that a slow fill meets it. */
  readonly markerMs: number;
  readonly onError: (error: unknown) => void;
}

/** Applies what this process hears about changes to everything it holds, and to the shared cache. */
export class Coherence {
  readonly #args: CoherenceArgs;

  constructor(args: CoherenceArgs) {
    this.#args = args;
  }

  /** Rows were changed by someone else: old content goes from this process and from the shared cache. */
  invalidate(table: ChangedTable, changes: readonly Change[]): void {
    for (const [name, version] of changes) {
      const [second, first] = table === "token_balances" ? [version, 0] : [0, version];
      const keys = keysOf(table, name);
      for (const key of keys) this.raise(key, first, second);
      this.#bury(keys, first, second);
    }
  }

  /** Another instance changed accounts and took care of the shared cache itself. */
  forgetAccounts(changes: readonly Change[]): void {
    for (const [address, version] of changes) {
      for (const view of ACCOUNT_VIEWS) this.raise(accountKey(view, address), version);
    }
  }

  /** Marks views of an account that this process changed and can not rewrite. */
  async supersede(keys: readonly string[], version: number): Promise<void> {
    for (const key of keys) this.raise(key, version);
    const { shared, markerMs } = this.#args;
    await shared.bury(keys, tombstone(version, 0, Date.now(), markerMs), markerMs);
  }

  /** Content of a key below this version is old: this process drops what it holds of it, and takes none in any more. */
  raise(key: string, version: number, second = 0): void {
    const { l1, floors } = this.#args;
    const held = l1.get(key);
    if (held && (held.version < version || held.second < second)) l1.delete(key);
    if (!floors.raise(key, version, second)) this.distrustAll();
  }

  /** Changes may have been missed by this process. */
  distrustAll(): void {
    this.#args.l1.clear();
    this.#args.floors.clear();
    this.#args.trust.raiseHorizon();
  }

  /** Something changed that nobody could mark in the shared cache. */
  suspectShared(): void {
    this.distrustAll();
    this.#args.trust.suspectShared();
  }

  #bury(keys: readonly string[], version: number, second: number): void {
    const { shared, markerMs, trust, onError } = this.#args;
    shared.bury(keys, tombstone(version, second, Date.now(), markerMs), markerMs).catch((error: unknown) => {
      trust.raiseVouched();
      onError(error);
    });
  }
}

function keysOf(table: ChangedTable, name: string): string[] {
  if (table === "dex_pools") return [poolKey(name)];
  if (table === "token_balances") return [accountKey("detail", name)];
  return ACCOUNT_VIEWS.map((view) => accountKey(view, name));
}
