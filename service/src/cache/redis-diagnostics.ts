import type { Cluster } from "ioredis";

import type { L1Cache } from "./l1.ts";
import { everySlotOwned, servesKeys } from "./redis-client.ts";

export interface CacheFigures {
  /** Healthy is a cluster all of whose slots have an owner that serves keys; unreachable, one of which no primary answers. */
  readonly status: "healthy" | "degraded" | "unreachable";
  /** Connections to nodes: known, and ready for use. */
  readonly pool_size: number;
  readonly pool_idle: number;
  /** Of all primaries together, as Redis writes it ("1.2M"); null if none answered. */
  readonly memory_used: string | null;
  readonly memory_used_bytes: number | null;
  /** The primaries; healthy is one that answers and serves keys. */
  readonly nodes: readonly { readonly node: string; readonly healthy: boolean }[];
  readonly l1: { readonly entries: number; readonly bytes: number };
}

/** Asks the cluster how it is. */
export class CacheDiagnostics {
  readonly #client: Cluster;
  readonly #l1: L1Cache;

  constructor(client: Cluster, l1: L1Cache) {
    this.#client = client;
    this.#l1 = l1;
  }

  async read(): Promise<CacheFigures> {
    const nodes = this.#client.nodes("master");
    const answers = await Promise.all(
      nodes.map(async (node) => {
        const name = `${node.options.host}:${node.options.port}`;
        try {
          const [info, healthy] = await Promise.all([node.info("memory"), servesKeys(node)]);
          return { node: name, healthy, bytes: Number(/^used_memory:(\d+)/m.exec(info)?.[1]) };
        } catch {
          return { node: name, healthy: false, bytes: undefined };
        }
      }),
    );
    const answering = answers.filter((answer) => answer.bytes !== undefined);
    const silent = answering.length === 0;
    const bytes = silent ? null : answering.reduce((sum, answer) => sum + (answer.bytes ?? 0), 0);
    const whole = answers.every((answer) => answer.healthy) && everySlotOwned(this.#client);
    const all = this.#client.nodes("all");
    return {
      status: silent ? "unreachable" : whole ? "healthy" : "degraded",
      pool_size: all.length,
      pool_idle: all.filter((node) => node.status === "ready" && node.commandQueue.length === 0).length,
      memory_used: bytes === null ? null : human(bytes),
      memory_used_bytes: bytes,
      nodes: answers.map(({ node, healthy: well }) => ({ node, healthy: well })),
      l1: { entries: this.#l1.size, bytes: this.#l1.bytes },
    };
  }
}

function human(bytes: number): string {
  const units = ["B", "K", "M", "G", "T"];
  const at = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), units.length - 1);
  return `${(bytes / 1024 ** at).toFixed(at === 0 ? 0 : 1)}${units[at]}`;
}
