import { check, type Findings, type FoundWrite } from "./checker.ts";
import type { Fault } from "./fault.ts";
import type { HistoryEvent, MarkEvent } from "./history.ts";
import { type Noticed, noticed, unreachableSpans } from "./outages.ts";

/** Longest time from the heal until everything is whole again, seconds. */
const REDUNDANCY_SECONDS = 60;

/** The outcome of one fault, once. */
export interface Verdict extends Omit<Findings, "stale" | "unread">, Noticed {
  readonly fault: string;
  readonly round: number;
  /** RFC 3339. */
  readonly at: string;
  readonly stale: number;
  readonly unread: number;
  /** From the heal until all is well; null where that was not reached. */
  readonly redundancy_restored_seconds: number | null;
  /** From the heal until the next acknowledged write. */
  readonly writes_after_heal_seconds: number;
  /** Load average of the clients' machine over the last minute; runs of earlier versions lack it. */
  readonly load?: number;
  /** Promises that were broken, a sentence each; limits of time are for the medians of all rounds. */
  readonly broken: readonly string[];
}

export interface Evidence {
  readonly history: readonly HistoryEvent[];
  readonly found: readonly FoundWrite[];
  /** Longest time that an acknowledged write may stay unseen, seconds. */
  readonly staleness: number;
  readonly primaryBefore: string;
  readonly primaryAfter: string | undefined;
  /** Load average of this machine. */
  readonly load: number;
}

/** Holds a history against what is promised of every fault and of this one. */
export function judge(fault: Fault, round: number, evidence: Evidence): Verdict {
  const { history, found, staleness } = evidence;
  const unreachable = unreachableSpans(history, fault.hits === "redis");
  const findings = check(history, found, { staleness, unreachable });
  const seen = noticed(history);
  const mark = (what: MarkEvent["what"]) =>
    history.find((event): event is MarkEvent => event.kind === "mark" && event.what === what)?.at;
  const healed = mark("healed") ?? 0;
  const restored = mark("restored");
  const measured = {
    ...{ ...findings, stale: findings.stale.length, unread: findings.unread.length },
    ...seen,
    redundancy_restored_seconds: restored === undefined ? null : round3((restored - healed) / 1_000),
    writes_after_heal_seconds: nextWrite(history, healed),
  };
  return {
    ...{ fault: fault.name, round, at: new Date().toISOString() },
    ...measured,
    load: evidence.load,
    broken: [...broken(measured), ...missed(fault, measured, evidence)],
  };
}

type Measured = Omit<Verdict, "fault" | "round" | "at" | "load" | "broken">;

/** What is promised whatever happens. */
function broken(measured: Measured): string[] {
  const { lost, unexpected, overlap_seconds, stale, unread, redundancy_restored_seconds } = measured;
  return [
    ...(lost.length ? [`${lost.length} acknowledged writes lost`] : []),
    ...(unexpected.length ? [`${unexpected.length} unexpected writes`] : []),
    ...(overlap_seconds > 0 ? [`two members acknowledged commits for ${overlap_seconds} s`] : []),
    ...(stale ? [`${stale} reads staler than promised`] : []),
    ...(unread ? [`${unread} reads did not see the write whose token they carried`] : []),
    ...(redundancy_restored_seconds === null || redundancy_restored_seconds > REDUNDANCY_SECONDS
      ? [`redundancy not back within ${REDUNDANCY_SECONDS} s of the heal`]
      : []),
  ];
}

/** What is promised of this fault, each time. */
function missed(fault: Fault, measured: Measured, { primaryBefore, primaryAfter }: Evidence): string[] {
  const { noErrors, keepsPrimary, readsAnswered, cachedReadsAnswered } = fault.goal ?? {};
  const errors = Object.entries(measured.errors).map(([what, count]) => `${count} x ${what}`);
  return [
    ...(noErrors && errors.length ? [`clients got errors: ${errors.join(", ")}`] : []),
    ...(keepsPrimary && primaryBefore !== primaryAfter
      ? [`${primaryAfter} leads in place of ${primaryBefore}`]
      : []),
    ...unanswered("the API's reads", measured.api_reads_answered, readsAnswered),
    ...unanswered("its cached reads", measured.cached_reads_answered, cachedReadsAnswered),
  ];
}

function unanswered(what: string, share: number | undefined, goal: number | undefined): string[] {
  if (share === undefined || goal === undefined || share >= goal) return [];
  return [`${(share * 100).toFixed(3)} % of ${what} answered, goal ${goal * 100} %`];
}

function nextWrite(history: readonly HistoryEvent[], healed: number): number {
  const after = history.flatMap((event) =>
    event.kind === "write" && event.outcome === "acknowledged" && event.to >= healed ? [event.to] : [],
  );
  return round3((Math.min(...after) - healed) / 1_000);
}

function round3(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
