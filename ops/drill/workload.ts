import type { RunningStack } from "../running-stack.ts";
import type { DrillAccounts } from "./accounts.ts";
import { apiReader, apiWriter } from "./api-clients.ts";
import type { ClientTask } from "./client-task.ts";
import type { HistoryLog, Path } from "./history.ts";
import { balanceOf, prepareWrites } from "./ledger.ts";
import { sqlReader, sqlWriter } from "./sql-clients.ts";

export interface WorkloadArgs {
  readonly stack: RunningStack;
  /** Name of this drill, part of every write. */
  readonly run: string;
  readonly accounts: DrillAccounts;
  readonly log: HistoryLog;
}

const SQL_WRITERS = 2;
const API_READERS = 2;

/** Readers and writers that work until they are told to stop, and log what they see. */
export class Workload {
  readonly #clients: readonly Promise<void>[];
  readonly #acknowledged: Record<Path, number> = { sql: 0, api: 0 };
  readonly #stop = new AbortController();

  private constructor({ stack, run, accounts, log }: WorkloadArgs, starts: ReadonlyMap<string, number>) {
    const task: ClientTask = {
      ...{ stack, run, accounts, stop: this.#stop.signal },
      startOf: ({ address, start }) => starts.get(address) ?? start,
      note: async (event) => {
        await log.append(event);
        if (event.kind === "write" && event.outcome === "acknowledged") this.#acknowledged[event.path] += 1;
      },
    };
    const times = (count: number, client: (index: number) => Promise<void>) =>
      Array.from({ length: count }, (_, index) => client(index));
    this.#clients = [
      ...times(SQL_WRITERS, (index) => sqlWriter(task, `sql-${index}`)),
      ...accounts.booked.map((account) => apiWriter(task, account)),
      sqlReader(task, "sql-reader"),
      ...times(API_READERS, (index) => apiReader(task, `api-reader-${index}`)),
    ];
    // One that ends early is told by stop().
    for (const client of this.#clients) client.catch(() => undefined);
  }

  static async start(args: WorkloadArgs): Promise<Workload> {
    await prepareWrites(args.stack);
    const starts = new Map<string, number>();
    for (const { address } of [...args.accounts.booked, args.accounts.still])
      starts.set(address, await balanceOf(args.stack, address));
    return new Workload(args, starts);
  }

  /** Writes acknowledged so far. */
  acknowledged(path: Path): number {
    return this.#acknowledged[path];
  }

  /** @throws what ended a client before its time */
  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#clients);
  }
}
