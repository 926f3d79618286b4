import { type CacheEntry, headOf } from "../../../service/src/cache/entry.ts";
import type { CachePort, LeaseAnswer } from "../../../service/src/cache/port.ts";

/** The shared cache's contract in memory, without expiry. */
export class FakeShared implements CachePort {
  readonly entries = new Map<string, CacheEntry>();
  readonly leases = new Map<string, string>();
  /** True: every call fails, as with no node left. */
  down = false;

  async get(key: string): Promise<CacheEntry | undefined> {
    this.#answer();
    return this.entries.get(key);
  }

  async lease(key: string, holder: string, _leaseMs: number, old?: CacheEntry): Promise<LeaseAnswer> {
    this.#answer();
    const current = this.entries.get(key);
    const replaced = old !== undefined && current !== undefined && headOf(current) !== headOf(old);
    const granted = !replaced && !this.leases.has(key);
    if (granted) this.leases.set(key, holder);
    return { granted, current };
  }

  async release(key: string, holder: string): Promise<void> {
    this.#answer();
    if (this.leases.get(key) === holder) this.leases.delete(key);
  }

  async fill(
    key: string,
    entry: CacheEntry,
    _keepMs: number,
    holder: string,
  ): Promise<CacheEntry | undefined> {
    this.#answer();
    if (this.leases.get(key) === holder) this.leases.delete(key);
    const held = this.entries.get(key);
    if (held && (entry.version < held.version || entry.second < held.second)) return held;
    this.entries.set(key, entry);
    return undefined;
  }

  async bury(keys: readonly string[], marker: CacheEntry): Promise<void> {
    this.#answer();
    for (const key of keys) {
      const held = this.entries.get(key);
      if (held && held.version >= marker.version && held.second >= marker.second) continue;
      const version = Math.max(marker.version, held?.version ?? 0);
      this.entries.set(key, { ...marker, version, second: Math.max(marker.second, held?.second ?? 0) });
    }
  }

  #answer(): void {
    if (this.down) throw new Error("the shared cache is away");
  }
}
