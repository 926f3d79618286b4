import type { BoundedPool } from "../database/pools.ts";

export interface UpkeepArgs {
  readonly pool: BoundedPool;
  readonly onError: (error: unknown) => void;
}

interface Task {
  readonly text: string;
  readonly everyMs: number;
}

/** Each guards itself in the database: of all instances, one does it. */
const TASKS: readonly Task[] = [
  // Months ahead exist long before they are needed; a day of failures is no danger.
  { text: "SELECT ensure_partitions()", everyMs: 3_600_000 },
  // The freshness that /holders/top states.
  { text: "SELECT refresh_top_holders()", everyMs: 300_000 },
];

/** The database's own housekeeping, started by whoever runs. */
export class Upkeep {
  readonly #args: UpkeepArgs;
  #timers: NodeJS.Timeout[] = [];

  constructor(args: UpkeepArgs) {
    this.#args = args;
  }

  start(): void {
    const { pool, onError } = this.#args;
    this.#timers = TASKS.map(({ text, everyMs }) =>
      setInterval(() => pool.pool.query(text).catch(onError), everyMs * (0.9 + 0.2 * Math.random())),
    );
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }
}
