import { setTimeout as pause } from "node:timers/promises";

import type { BoundedPool } from "../database/pools.ts";

export interface SealerArgs {
  readonly pool: BoundedPool;
  readonly validator: string;
  /** 0 switches sealing off in this instance. */
  readonly intervalMs: number;
  readonly onSealed: (height: number) => void;
  readonly onError: (error: unknown) => void;
}

interface Outcome {
  readonly outcome: "busy" | "idle" | "closed" | "waiting" | "sealed";
  readonly height: number | null;
}

/** A booking of the closed block is still in flight. */
const WAIT_MS = 100;
/** Steps after which the rest waits for the next turn. */
const STEPS = 50;

const SEAL = { name: "seal", text: "SELECT outcome, height FROM seal_block($1)" };

const AGE = {
  name: "last-block-age",
  text: `SELECT extract(epoch FROM clock_timestamp() - timestamp)::float8 * 1000 AS age
    FROM blocks ORDER BY height DESC LIMIT 1`,
};

/** Seals what is pending, every interval. All instances try; the database lets one through. */
export class Sealer {
  readonly #args: SealerArgs;
  readonly #stop = new AbortController();
  #done: Promise<void> = Promise.resolve();

  constructor(args: SealerArgs) {
    this.#args = args;
  }

  start(): void {
    if (this.#args.intervalMs > 0) this.#done = this.#run();
  }

  /** Resolves when the step in progress has ended. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  async #run(): Promise<void> {
    const { intervalMs, onError } = this.#args;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      // Instances that started together spread, and whoever comes second finds the block made.
      await pause(intervalMs * (0.2 + 0.1 * Math.random()), undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      await this.#seal().catch(onError);
    }
  }

  async #seal(): Promise<void> {
    const { pool, validator, intervalMs, onSealed } = this.#args;
    const { rows } = await pool.pool.query<{ age: number }>(AGE);
    if ((rows[0]?.age ?? intervalMs) < intervalMs) return;
    for (let step = 0; step < STEPS && !this.#stop.signal.aborted; step++) {
      const answer = await pool.pool.query<Outcome>({ ...SEAL, values: [validator] });
      const { outcome, height } = answer.rows[0] ?? { outcome: "idle", height: null };
      if (outcome === "sealed" && height !== null) onSealed(height);
      if (outcome === "sealed" || outcome === "idle" || outcome === "busy") return;
      if (outcome === "waiting") await pause(WAIT_MS);
    }
  }
}
