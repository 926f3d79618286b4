import type { Change } from "../cache/coherence.ts";

export interface UnsettledArgs {
  /** Longer than the server lets a statement run, waiting for a standby included. */
  readonly keepMs: number;
  readonly everyMs: number;
  readonly versions: (addresses: readonly string[]) => Promise<readonly Change[]>;
  readonly supersede: (changes: readonly Change[]) => Promise<void>;
  readonly onError: (error: unknown) => void;
}

/** Addresses asked for in one statement. */
const BATCH = 500;

/**
 * Accounts whose last booking has an unknown outcome. Their versions are asked for, until no server can still be
 * working on it, so that caches learn of a commit whose answer was lost.
 */
export class UnsettledAccounts {
  readonly #args: UnsettledArgs;
  readonly #until = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(args: UnsettledArgs) {
    this.#args = args;
  }

  get size(): number {
    return this.#until.size;
  }

  add(addresses: readonly string[], now = Date.now()): void {
    for (const address of addresses) this.#until.set(address, now + this.#args.keepMs);
    this.#timer ??= setTimeout(() => void this.#look(), this.#args.everyMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#until.clear();
  }

  async #look(): Promise<void> {
    const { everyMs, versions, supersede, onError } = this.#args;
    const waiting = [...this.#until.keys()];
    try {
      for (let at = 0; at < waiting.length; at += BATCH) {
        const addresses = waiting.slice(at, at + BATCH);
        const asked = Date.now();
        await supersede(await versions(addresses));
        // Only a look that succeeded can end the waiting.
        for (const address of addresses) {
          if ((this.#until.get(address) ?? 0) <= asked) this.#until.delete(address);
        }
      }
    } catch (error) {
      // A primary that does not answer for one batch does not for the next: the whole look is repeated.
      onError(error);
    }
    this.#timer = this.#until.size > 0 ? setTimeout(() => void this.#look(), everyMs) : undefined;
  }
}
