import type { Cluster, Redis } from "ioredis";

import { type AddressMap, reachedAt } from "./redis-client.ts";

export interface SlotsWatchArgs {
  /** The first one's connections carry the question; what it tells is held against each of them. */
  readonly clients: readonly Cluster[];
  readonly addressMap: AddressMap;
  /** Milliseconds between two questions. */
  readonly everyMs: number;
}

/** One entry of `CLUSTER SLOTS`: a range of slots, its primary, its replicas. */
type SlotRange = readonly [first: number, last: number, ...nodes: (readonly [host: string, port: number])[]];

/**
 * Notices that slots have another owner, or that nodes came or went, although no redirection tells: a frozen primary
 * answers nothing at all. ioredis' own refresh opens a TLS connection per question and client, which is most of what an
 * idle service costs; here the question goes over a connection that is open anyway, and only a difference makes the
 * clients read everything anew.
 */
export class SlotsWatch {
  readonly #args: SlotsWatchArgs;
  #timer: NodeJS.Timeout | undefined;
  #turn = 0;
  #asking = false;

  constructor(args: SlotsWatchArgs) {
    this.#args = args;
  }

  start(): void {
    this.#timer = setInterval(() => void this.look(), this.#args.everyMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Asks one node, the next one each time, and those after it while none answers. Never rejects. */
  async look(): Promise<void> {
    // A round takes longer than the interval only while most nodes are silent.
    if (this.#asking) return;
    this.#asking = true;
    const ranges = await this.#ask().finally(() => {
      this.#asking = false;
    });
    for (const client of this.#args.clients) {
      if (client.status === "ready" && !(ranges && this.#matches(client, ranges))) client.refreshSlotsCache();
    }
  }

  async #ask(): Promise<readonly SlotRange[] | undefined> {
    const nodes = this.#args.clients[0]?.nodes("master").filter(({ status }) => status === "ready") ?? [];
    const first = this.#turn++;
    for (let step = 0; step < nodes.length; step++) {
      const node = nodes[(first + step) % nodes.length] as Redis;
      try {
        return (await node.cluster("SLOTS")) as unknown as readonly SlotRange[];
      } catch {
        // Its callers notice by themselves; the question is for a node that answers.
      }
    }
    return undefined;
  }

  #matches(client: Cluster, ranges: readonly SlotRange[]): boolean {
    const seen = new Set<string>();
    const { addressMap } = this.#args;
    for (const [first, last, ...announced] of ranges) {
      const nodes = announced
        .filter(([host]) => host)
        .map(([host, port]) => reachedAt(`${host}:${port}`, addressMap));
      for (const node of nodes) seen.add(node);
      for (let slot = first; slot <= last; slot++) if (client.slots[slot]?.[0] !== nodes[0]) return false;
    }
    const pool = client.nodes("all").map(({ options }) => `${options.host}:${options.port}`);
    return pool.length === seen.size && pool.every((node) => seen.has(node));
  }
}
