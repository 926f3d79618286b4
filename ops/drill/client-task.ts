import type { RunningStack } from "../running-stack.ts";
import type { DrillAccount, DrillAccounts } from "./accounts.ts";
import type { HistoryEvent } from "./history.ts";

/** What one client of a drill works with. */
export interface ClientTask {
  readonly stack: RunningStack;
  /** Name of this drill, part of every write. */
  readonly run: string;
  readonly accounts: DrillAccounts;
  /** Aborted when the client has to end. */
  readonly stop: AbortSignal;
  /** Resolves when the event is on disk. */
  readonly note: (event: HistoryEvent) => Promise<void>;
  /** Balance of an account before the first booking of this drill, micro-DYO. */
  readonly startOf: (account: DrillAccount) => number;
}

/** Above all waits in between: what takes longer than this counts as unknown, milliseconds. */
export const ANSWER_MILLISECONDS = 40_000;

/** A word or two that errors of the same kind share. */
export function describeError(error: unknown): string {
  const { code, message, cause } = error as { code?: string; message?: string; cause?: { code?: string } };
  // PgBouncer gives all of its own errors one code.
  if (code === "08P01") return `08P01 ${message?.split(" ").slice(0, 6).join(" ")}`;
  return code ?? cause?.code ?? (error instanceof Error ? error.message : String(error));
}
