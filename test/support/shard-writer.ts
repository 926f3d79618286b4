import calculateSlot from "cluster-key-slot";
import type { Cluster } from "ioredis";
import { inject } from "vitest";
import type { Connection } from "../../ops/connection.ts";
import { redisClient } from "./clients.ts";
import type { WriterReport } from "./ledger-writer.ts";

/** Pause between two writes of one shard: the machine's cores are for the cluster. */
const PAUSE_MILLISECONDS = 5;

interface Shard {
  readonly key: string;
  readonly acknowledged: number[];
  readonly times: number[];
}

/** Lowest hash tag whose slot lies within `first` to `last`. */
function tagWithin(first: number, last: number): string {
  for (let number = 0; ; number += 1) {
    const slot = calculateSlot(`{${number}}`);
    if (slot >= first && slot <= last) return String(number);
  }
}

/**
 * Writes numbered fields into one key of each shard of the Redis Cluster without pause and notes each one that was
 * acknowledged, through an ordinary cluster client. One whose answer was lost gets a number that is never used again.
 */
export class ShardWriters {
  readonly #client: Cluster;
  readonly #shards: { readonly key: string; readonly acknowledged: number[]; readonly times: number[] }[] =
    [];
  #stopping = false;
  #done: Promise<unknown> = Promise.resolve();

  private constructor(connection: Connection) {
    this.#client = redisClient(connection);
  }

  /**
   * One writer for each shard that owns slots now; resolves when each has been acknowledged once.
   *
   * @param connection has to name the members that are added meanwhile, too. @default the stack's as it was brought up
   */
  static async start(connection = inject("connection")): Promise<ShardWriters> {
    const self = new ShardWriters(connection);
    const ranges = (await self.#client.cluster("SLOTS")) as unknown as [
      number,
      number,
      [string, number, string],
    ][];
    const byPrimary = new Map(ranges.map(([first, last, [, , id]]) => [id, [first, last] as const]));
    const run = Date.now();
    for (const [first, last] of byPrimary.values())
      self.#shards.push({
        key: `dujyo:roll:${run}:{${tagWithin(first, last)}}`,
        acknowledged: [],
        times: [],
      });
    self.#done = Promise.all(self.#shards.map((shard) => self.#write(shard)));
    await self.progress(1);
    return self;
  }

  async #write({ key, acknowledged, times }: Shard): Promise<void> {
    for (let number = 0; !this.#stopping; number += 1) {
      try {
        await this.#client.hset(key, String(number), "1");
        acknowledged.push(number);
        times.push(performance.now());
      } catch {
        // Neither written nor not: the next number.
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MILLISECONDS));
    }
  }

  /** Waits for `more` acknowledged writes of each shard from now on. */
  async progress(more: number, seconds = 30): Promise<void> {
    const goals = this.#shards.map(({ acknowledged }) => acknowledged.length + more);
    const deadline = Date.now() + seconds * 1_000;
    while (this.#shards.some(({ acknowledged }, index) => acknowledged.length < (goals[index] ?? 0))) {
      if (Date.now() > deadline) throw new Error(`a shard took no ${more} writes within ${seconds} s`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Stops writing and compares what was acknowledged with what is there, shard by shard. */
  async stop(): Promise<WriterReport[]> {
    this.#stopping = true;
    await this.#done;
    const reports = await Promise.all(
      this.#shards.map(async ({ key, acknowledged, times }): Promise<WriterReport> => {
        const present = new Set((await this.#client.hkeys(key)).map(Number));
        await this.#client.unlink(key);
        const gaps = times.slice(1).map((time, index) => time - (times[index] as number));
        return {
          acknowledged: acknowledged.length,
          lost: acknowledged.filter((number) => !present.has(number)),
          longestGap: Math.max(0, ...gaps) / 1_000,
        };
      }),
    );
    this.#client.disconnect();
    return reports;
  }
}
