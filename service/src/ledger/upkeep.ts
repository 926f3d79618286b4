import type { QueryConfig } from "pg";

import type { BoundedPool } from "../database/pools.ts";

export interface UpkeepArgs {
  readonly pool: { readonly pool: Pick<BoundedPool["pool"], "query"> };
  readonly onError: (error: unknown) => void;
}

interface Task {
  readonly text: string;
  readonly everyMs: number;
  /** For one statement, on both sides of the connection. */
  readonly timeoutMs: number;
}

/** A task that failed comes again after this time. */
const REPEAT_MS = 60_000;

/** Each guards itself in the database: of all instances, one does it. */
const TASKS: readonly Task[] = [
  // Months ahead exist long before they are needed; a day of failures is no danger.
  { text: "SELECT ensure_partitions()", everyMs: 3_600_000, timeoutMs: 8000 },
  // The freshness that /holders/top states. It reads all accounts, which takes longer than a request may: up to the
  // 30 s that the role's transactions have.
  {
    text: "SET LOCAL statement_timeout = '25s'; SELECT refresh_top_holders(interval '4 minutes')",
    everyMs: 300_000,
    timeoutMs: 28_000,
  },
];

/** The database's own housekeeping, done by whoever runs: at the start, and again and again. */
export class Upkeep {
  readonly #args: UpkeepArgs;
  readonly #timers = new Map<Task, NodeJS.Timeout>();
  #stopped = false;

  constructor(args: UpkeepArgs) {
    this.#args = args;
  }

  start(): void {
    for (const task of TASKS) void this.#run(task);
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
  }

  async #run(task: Task): Promise<void> {
    const { pool, onError } = this.#args;
    const { text, everyMs, timeoutMs } = task;
    let waitMs = everyMs;
    try {
      await pool.pool.query({ text, query_timeout: timeoutMs } as QueryConfig);
    } catch (error) {
      waitMs = REPEAT_MS;
      onError(error);
    }
    if (this.#stopped) return;
    // Instances that started together spread.
    const timer = setTimeout(() => void this.#run(task), waitMs * (0.9 + 0.2 * Math.random()));
    this.#timers.set(task, timer);
  }
}
