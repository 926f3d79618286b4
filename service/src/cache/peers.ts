import type { Change } from "./coherence.ts";

/** What instances tell each other. Each message carries the sender's next number, so that a gap is noticed. */
export interface PeerMessage {
  readonly from: string;
  readonly number: number;
  readonly say: "alive" | "changed" | "bye";
  /** Accounts that the sender wrote, with their new versions. */
  readonly accounts?: readonly Change[];
  /** From when on the sender vouches for shared entries, and up to when its sessions were proved. */
  readonly vouches?: { readonly from: number; readonly provenAt: number };
}

export interface PeersArgs {
  readonly self: string;
  /** Milliseconds of silence after which an instance counts as crashed. */
  readonly silenceMs: number;
  readonly onChanged: (accounts: readonly Change[]) => void;
  /** Messages may have been lost on the way to this process. */
  readonly onGap: (reason: string) => void;
  /** A peer may have crashed between its commit and its message. */
  readonly onCrash: (name: string) => void;
  readonly onVouch: (name: string, vouches: { from: number; provenAt: number }) => void;
}

interface Peer {
  number: number;
  heardAt: number;
}

/** Keeps count of what every other instance said. Pure bookkeeping: the messages come and go elsewhere. */
export class Peers {
  readonly #args: PeersArgs;
  readonly #peers = new Map<string, Peer>();
  #listeningSince: number | undefined;

  constructor(args: PeersArgs) {
    this.#args = args;
  }

  get names(): string[] {
    return [...this.#peers.keys()];
  }

  hear(message: PeerMessage, now = Date.now()): void {
    const { onChanged, onGap, onVouch } = this.#args;
    this.#listeningSince ??= now;
    const known = this.#peers.get(message.from);
    // Whoever spoke before this process listened - as this process did itself - starts in the middle; later, a
    // newcomer starts at 1.
    const late = message.from !== this.#args.self && now - this.#listeningSince > this.#args.silenceMs;
    const expected = known ? known.number + 1 : late ? 1 : message.number;
    if (message.number !== expected)
      onGap(`${message.from} said ${message.number}, expected was ${expected}`);
    if (message.say === "bye") {
      this.#peers.delete(message.from);
      return;
    }
    this.#peers.set(message.from, { number: message.number, heardAt: now });
    if (message.from === this.#args.self) return;
    if (message.accounts) onChanged(message.accounts);
    if (message.vouches) onVouch(message.from, message.vouches);
  }

  /** Finds peers that fell silent without a goodbye. Call it more often than `silenceMs`. */
  check(now = Date.now()): void {
    for (const [name, peer] of this.#peers) {
      if (now - peer.heardAt <= this.#args.silenceMs) continue;
      this.#peers.delete(name);
      if (name !== this.#args.self) this.#args.onCrash(name);
    }
  }
}
