import type { CacheEntry } from "./entry.ts";

/** Clocks of two instances may differ by this much; entries are judged as if their maker's clock were ahead. */
const CLOCK_SKEW_MS = 250;

/**
 * What this process knows about its own knowledge. Invalidations arrive over sessions that may be cut without notice;
 * so each session proves every few hundred milliseconds that it still delivers, and entries are believed only as far
 * as those proofs reach:
 * - proofs recent: every entry since the horizon, up to its own expiry;
 * - proofs missing: entries read less than half of maxStaleness ago. The other half is for what they took to arrive.
 */
export class Trust {
  readonly #maxStalenessMs: number;
  readonly #proofs = new Map<string, number>();
  #horizon: number;
  #vouchedFrom: number;
  /** Shared entries from before may be wrong in a way that no instance marked. */
  #suspectUntil = 0;
  #adoptedFrom: string | undefined;
  #trustedUntil = 0;
  #tip = 0;

  /** @param sessions names of all sessions that have to give proof. */
  constructor(maxStalenessMs: number, sessions: readonly string[], now = Date.now()) {
    this.#maxStalenessMs = maxStalenessMs;
    this.#horizon = now;
    this.#vouchedFrom = now;
    for (const session of sessions) this.#proofs.set(session, 0);
  }

  /** Height of the last sealed block that this process heard of. */
  get tip(): number {
    return this.#tip;
  }

  /** Entries in the shared cache that were read since then had every later change marked, as far as this process saw. */
  get vouchedFrom(): number {
    return this.#vouchedFrom;
  }

  trusted(now: number): boolean {
    return now <= this.#trustedUntil;
  }

  /** Whether an entry may be served as current. */
  fresh(entry: CacheEntry, now: number): boolean {
    if (now >= entry.expiresAt) return false;
    if (entry.wrongAtTip !== 0 && this.#tip >= entry.wrongAtTip) return false;
    if (now <= this.#trustedUntil && entry.readAt - CLOCK_SKEW_MS >= this.#horizon) return true;
    return now - entry.readAt <= this.#maxStalenessMs / 2;
  }

  /** A session proved that it delivered everything up to `at`. */
  prove(session: string, at: number): void {
    this.#proofs.set(session, at);
    // Detection has to leave room for a read to be made and sent: a quarter of the bound.
    this.#trustedUntil = Math.min(...this.#proofs.values()) + this.#maxStalenessMs * 0.75;
  }

  /** This process may have missed something: nothing that was read before now is believed any more. */
  raiseHorizon(now = Date.now()): void {
    this.#horizon = Math.max(this.#horizon, now);
    this.raiseVouched(now);
    this.#adoptedFrom = undefined;
  }

  /** Shared entries may be wrong and nobody marked them: as above, and no other instance's word changes that. */
  suspectShared(now = Date.now()): void {
    this.#suspectUntil = now;
    this.raiseHorizon(now);
  }

  /** A marker could not be put into the shared cache. This process knows the change; one that starts now would not. */
  raiseVouched(now = Date.now()): void {
    this.#vouchedFrom = Math.max(this.#vouchedFrom, now);
  }

  /** Each session by name: 1 while its last proof is recent enough to be relied on, otherwise 0. */
  sessions(now: number): Record<string, number> {
    const oldest = now - this.#maxStalenessMs * 0.75;
    return Object.fromEntries([...this.#proofs].map(([name, at]) => [name, at >= oldest ? 1 : 0]));
  }

  /** The latest moment up to which all sessions have proved that they deliver. */
  get provenAt(): number {
    return Math.min(...this.#proofs.values());
  }

  /**
   * Takes another instance's word for shared entries that are older than this process's own knowledge: a process that
   * starts, or that was deaf for a moment, need not read everything again.
   * @param provenAt up to when that instance's sessions were proved; its word counts if that is after the own gap.
   */
  heed(name: string, vouchedFrom: number, provenAt: number, now = Date.now()): void {
    if (this.#adoptedFrom === name && vouchedFrom > this.#horizon) this.raiseHorizon(vouchedFrom);
    if (vouchedFrom >= this.#horizon || !this.trusted(now) || provenAt - CLOCK_SKEW_MS < this.#horizon)
      return;
    this.#horizon = Math.max(vouchedFrom, this.#suspectUntil);
    this.#vouchedFrom = this.#horizon;
    this.#adoptedFrom = name;
  }

  learnTip(height: number): void {
    if (height > this.#tip) this.#tip = height;
  }

  /** A session ended: no proof until it gives a new one. */
  lose(session: string): void {
    this.#proofs.set(session, 0);
    this.#trustedUntil = 0;
  }
}
