import type { HistoryEvent, ReadEvent, WriteEvent } from "./history.ts";

/** A write that the database has after the drill, by the client and number it was made with. */
export interface FoundWrite {
  readonly client: string;
  readonly number: number;
}

/** A span of time, milliseconds since 1970. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

export interface CheckOptions {
  /** Longest time that an acknowledged write may stay unseen, seconds. */
  readonly staleness: number;
  /** When the primary or Redis could not be reached; such time does not count towards staleness. */
  readonly unreachable: readonly Span[];
}

/** A read that broke a promise. */
export interface BadRead {
  readonly client: string;
  readonly account: string;
  readonly seen: number;
  /** How many of the account's writes it should have seen. */
  readonly due: number;
  readonly at: number;
}

/** What the checker found; nothing anywhere is what the stack promises. */
export interface Findings {
  /** Acknowledged writes that are not there: `client/number`. */
  readonly lost: readonly string[];
  /** Writes that are there twice, or although they were refused or never made. */
  readonly unexpected: readonly string[];
  /** Longest time during which two members acknowledged commits, seconds. */
  readonly overlap_seconds: number;
  /** Reads that missed a write for longer than the bound. */
  readonly stale: readonly BadRead[];
  /** Reads that missed the write whose token they carried. */
  readonly unread: readonly BadRead[];
}

/** Judges a history against what the database has. Knows nothing of how either came about. */
export function check(
  history: readonly HistoryEvent[],
  found: readonly FoundWrite[],
  options: CheckOptions,
): Findings {
  const writes = history.filter((event) => event.kind === "write");
  const reads = history.filter((event) => event.kind === "read");
  return {
    ...compare(writes, found),
    overlap_seconds: longestOverlap(writes),
    stale: staleReads(writes, reads, options),
    unread: reads.flatMap((read) => badRead(read, read.token)),
  };
}

const idOf = ({ client, number }: FoundWrite) => `${client}/${number}`;

/** A write may be repeated until its outcome is known: its last outcome but `unknown` counts. */
function compare(
  writes: readonly WriteEvent[],
  found: readonly FoundWrite[],
): Pick<Findings, "lost" | "unexpected"> {
  const outcomes = new Map<string, WriteEvent["outcome"]>();
  for (const write of writes)
    if (write.outcome !== "unknown" || !outcomes.has(idOf(write))) outcomes.set(idOf(write), write.outcome);
  const times = new Map<string, number>();
  for (const write of found) times.set(idOf(write), (times.get(idOf(write)) ?? 0) + 1);
  return {
    lost: [...outcomes]
      .filter(([id, outcome]) => outcome === "acknowledged" && !times.has(id))
      .map(([id]) => id),
    unexpected: [...times]
      .filter(([id, count]) => count > 1 || !["acknowledged", "unknown"].includes(outcomes.get(id) ?? ""))
      .map(([id]) => id),
  };
}

/**
 * Members rule one after the other, each on a timeline of its own: two reigns overlap from when both have acknowledged a
 * commit until one of them is last seen to begin one that it will acknowledge.
 */
function longestOverlap(writes: readonly WriteEvent[]): number {
  const reigns = new Map<string, Span>();
  for (const { reign, outcome, from, to } of writes) {
    if (reign === undefined || outcome !== "acknowledged") continue;
    const known = reigns.get(reign);
    reigns.set(reign, { from: Math.min(known?.from ?? to, to), to: Math.max(known?.to ?? from, from) });
  }
  const spans = [...reigns.values()];
  const overlaps = spans.flatMap((one, index) =>
    spans.slice(index + 1).map((other) => Math.min(one.to, other.to) - Math.max(one.from, other.from)),
  );
  return Math.max(0, ...overlaps) / 1_000;
}

function staleReads(
  writes: readonly WriteEvent[],
  reads: readonly ReadEvent[],
  { staleness, unreachable }: CheckOptions,
): BadRead[] {
  const acknowledged = Map.groupBy(
    writes.filter(({ outcome }) => outcome === "acknowledged"),
    ({ client }) => client,
  );
  return reads.flatMap((read) => {
    if (read.account === undefined || read.seen === undefined) return [];
    const seen = read.seen;
    const overdue = (acknowledged.get(read.account) ?? []).filter(
      ({ number, to }) =>
        number > seen && reachable({ from: to, to: read.from }, unreachable) > staleness * 1_000,
    );
    return badRead(read, overdue.length === 0 ? undefined : Math.max(...overdue.map(({ number }) => number)));
  });
}

function badRead({ client, account, seen, from }: ReadEvent, due: number | undefined): BadRead[] {
  if (account === undefined || seen === undefined || due === undefined || seen >= due) return [];
  return [{ client, account, seen, due, at: from }];
}

/** Milliseconds of a span that lie outside all of the given ones, which do not overlap each other. */
function reachable(span: Span, unreachable: readonly Span[]): number {
  const away = unreachable.map(({ from, to }) =>
    Math.max(0, Math.min(span.to, to) - Math.max(span.from, from)),
  );
  return span.to - span.from - away.reduce((sum, part) => sum + part, 0);
}
