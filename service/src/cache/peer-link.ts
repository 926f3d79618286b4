import type { Cluster } from "ioredis";

import type { Change } from "./coherence.ts";
import { PEER_CHANNEL } from "./keys.ts";
import { type PeerMessage, Peers, type PeersArgs } from "./peers.ts";
import type { SharedFacts } from "./port.ts";
import type { Trust } from "./trust.ts";

export interface PeerLinkArgs extends Omit<PeersArgs, "onVouch"> {
  readonly subscriber: Cluster;
  readonly facts: SharedFacts;
  readonly trust: Trust;
  readonly heartbeatMs: number;
  readonly onError: (error: unknown) => void;
}

/** Name of the session in the proofs of trust. */
export const PEER_SESSION = "peers";

/** The instances' common channel: speaks, listens, and proves by its own messages that listening works. */
export class PeerLink {
  readonly #args: PeerLinkArgs;
  readonly #peers: Peers;
  readonly #sent = new Map<number, number>();
  #number = 0;
  #heard = false;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(args: PeerLinkArgs) {
    this.#args = args;
    const { trust } = args;
    this.#peers = new Peers({
      ...args,
      onVouch: (name, { from, provenAt }) => trust.heed(name, from, provenAt),
    });
  }

  get names(): string[] {
    return this.#peers.names;
  }

  start(): void {
    const { subscriber, heartbeatMs } = this.#args;
    subscriber.on("message", (_channel: string, text: string) => this.#hear(text));
    const subscribe = (): void => {
      subscriber
        .subscribe(PEER_CHANNEL)
        .catch(() => setTimeout(() => !this.#stopped && subscribe(), heartbeatMs));
    };
    subscribe();
    this.#timer = setInterval(() => {
      this.#peers.check();
      // Proofs fail to come back then, and trust ends by itself.
      this.#say("alive").catch(this.#args.onError);
    }, heartbeatMs);
  }

  /** Tells all instances which accounts this one wrote. Rejects when the message could not be handed over. */
  async tellChanged(accounts: readonly Change[]): Promise<void> {
    await this.#say("changed", accounts);
  }

  /** Leaves with a goodbye, so that nobody takes the silence for a crash. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    await this.#say("bye").catch(() => undefined);
  }

  async #say(say: PeerMessage["say"], accounts?: readonly Change[]): Promise<void> {
    const { self, facts, trust } = this.#args;
    const now = Date.now();
    this.#number++;
    this.#sent.set(this.#number, now);
    const message: PeerMessage = {
      from: self,
      number: this.#number,
      say,
      ...(accounts ? { accounts } : {}),
      ...(say === "alive" && trust.trusted(now)
        ? { vouches: { from: trust.vouchedFrom, provenAt: trust.provenAt } }
        : {}),
    };
    try {
      await facts.publish(PEER_CHANNEL, JSON.stringify(message));
      this.#heard = true;
    } catch (error) {
      // Before anyone has heard of this instance, there is no count to keep.
      if (!this.#heard) this.#number = 0;
      throw error;
    }
  }

  #hear(text: string): void {
    const message = JSON.parse(text) as PeerMessage;
    this.#peers.hear(message);
    if (message.from !== this.#args.self) return;
    const sentAt = this.#sent.get(message.number);
    for (const number of this.#sent.keys()) {
      if (number > message.number) break;
      this.#sent.delete(number);
    }
    // What was published before this message was sent has been delivered before it came back.
    if (sentAt !== undefined) this.#args.trust.prove(PEER_SESSION, sentAt);
  }
}
