import type { Span } from "./checker.ts";
import type { HistoryEvent, MarkEvent, Path, ReadEvent, WriteEvent } from "./history.ts";

/** What clients noticed of a fault. Seconds, and counts by kind. */
export interface Noticed {
  /** Longest time between two acknowledged writes, on the path where that was longest. */
  readonly write_outage_seconds: number;
  /** Longest time between two answered reads, likewise. */
  readonly read_outage_seconds: number;
  readonly by_path: Readonly<
    Record<Path, { readonly write_outage_seconds: number; readonly read_outage_seconds: number }>
  >;
  readonly acknowledged: number;
  readonly reads: number;
  /** Share of the API's reads that were answered, 0 to 1. */
  readonly api_reads_answered: number;
  /** The same of an account that nobody books from, which the cache may answer; runs of earlier versions lack it. */
  readonly cached_reads_answered?: number;
  /** `path operation: what`, from the fault on: how often. Lost answers count, too; reads with a token are an operation of their own. */
  readonly errors: Readonly<Record<string, number>>;
}

const PATHS = ["sql", "api"] as const;

/** Sums up a history. */
export function noticed(history: readonly HistoryEvent[]): Noticed {
  const operations = history.filter((event) => event.kind !== "mark");
  const end = Math.max(...operations.map(({ to }) => to));
  const succeeded = operations.filter(({ outcome }) => outcome === "acknowledged" || outcome === "answered");
  const longest = (kind: "write" | "read", path: Path) =>
    longestGap(
      succeeded.filter((event) => event.kind === kind && event.path === path).map(({ to }) => to),
      end,
    );
  const by_path = Object.fromEntries(
    PATHS.map((path) => [
      path,
      { write_outage_seconds: longest("write", path), read_outage_seconds: longest("read", path) },
    ]),
  ) as unknown as Noticed["by_path"];
  const apiReads = operations.filter(({ kind, path }) => kind === "read" && path === "api");
  const errors: Record<string, number> = {};
  // What a client meets before the fault is none of its doing.
  const injected = history.find((event) => event.kind === "mark" && event.what === "injected");
  const since = injected?.kind === "mark" ? injected.at : 0;
  for (const operation of operations) {
    const { path, error, to } = operation;
    if (error === undefined || to < since) continue;
    const key = `${path} ${nameOf(operation)}: ${error}`;
    errors[key] = (errors[key] ?? 0) + 1;
  }
  return {
    write_outage_seconds: Math.max(by_path.sql.write_outage_seconds, by_path.api.write_outage_seconds),
    read_outage_seconds: Math.max(by_path.sql.read_outage_seconds, by_path.api.read_outage_seconds),
    by_path,
    acknowledged: succeeded.filter(({ kind }) => kind === "write").length,
    reads: operations.filter(({ kind }) => kind === "read").length,
    api_reads_answered: answered(apiReads),
    cached_reads_answered: answered(apiReads.filter((event) => event.kind === "read" && event.still)),
    errors,
  };
}

/** Share of these that were answered. */
function answered(operations: readonly (WriteEvent | ReadEvent)[]): number {
  if (operations.length === 0) return 1;
  return operations.filter(({ outcome }) => outcome === "answered").length / operations.length;
}

function nameOf(operation: WriteEvent | ReadEvent): string {
  return operation.kind === "read" && operation.token !== undefined
    ? "read of its own write"
    : operation.kind;
}

/** Longest time between two successes, or from the last one to the end; seconds. */
function longestGap(times: readonly number[], end: number): number {
  const sorted = [...times, end].sort((one, other) => one - other);
  const gaps = sorted.slice(1).map((time, index) => time - (sorted[index] as number));
  return Math.round(Math.max(0, ...gaps)) / 1_000;
}

/** Pauses between acknowledged writes from here on count as time without a primary. */
const PAUSE_MILLISECONDS = 1_000;

/**
 * When clients could not count on the primary or on Redis: pauses of all writers, and, where the fault takes Redis away, from
 * the fault until all is whole again.
 */
export function unreachableSpans(history: readonly HistoryEvent[], redis: boolean): Span[] {
  const writes = history.filter((event) => event.kind === "write" && event.outcome === "acknowledged");
  const times = writes
    .map((event) => (event.kind === "mark" ? 0 : event.to))
    .sort((one, other) => one - other);
  const pauses = times.slice(1).flatMap((to, index) => {
    const from = times[index] as number;
    return to - from > PAUSE_MILLISECONDS ? [{ from, to }] : [];
  });
  const marks = history.filter((event): event is MarkEvent => event.kind === "mark");
  const injected = marks.find(({ what }) => what === "injected");
  const restored = marks.find(({ what }) => what === "restored");
  if (!redis || !injected) return pauses;
  const away = { from: injected.at, to: restored?.at ?? Number.POSITIVE_INFINITY };
  return [away, ...pauses.filter(({ from, to }) => to <= away.from || from >= away.to)];
}
