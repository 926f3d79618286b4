import type { Settings } from "../../infra/settings/schema.ts";
import { formatTable } from "../table.ts";
import type { Goal } from "./fault.ts";
import type { Skipped } from "./run-fault.ts";
import type { Verdict } from "./verdict.ts";

/** All rounds of one fault: worst cases where a promise is concerned, medians where time is. */
export interface FaultSummary {
  readonly fault: string;
  readonly rounds: number;
  readonly lost: number;
  readonly unexpected: number;
  readonly overlap_seconds: number;
  readonly stale: number;
  readonly unread: number;
  /** Median; the longer one of the two paths in each round. */
  readonly write_outage_seconds: number;
  /** Median through the pooler alone. */
  readonly sql_write_outage_seconds: number;
  readonly read_outage_seconds: number;
  /** Median; null where some round did not get there. */
  readonly redundancy_restored_seconds: number | null;
  /** Least share over the rounds. */
  readonly api_reads_answered: number;
  /** Likewise; runs of earlier versions lack it. */
  readonly cached_reads_answered?: number;
  readonly errors: Readonly<Record<string, number>>;
  readonly broken: readonly string[];
}

/** A whole run. */
export interface DrillReport
  extends Omit<
    FaultSummary,
    | "fault"
    | "rounds"
    | "sql_write_outage_seconds"
    | "api_reads_answered"
    | "cached_reads_answered"
    | "errors"
    | "broken"
  > {
  readonly seed: number;
  /** RFC 3339. */
  readonly started: string;
  readonly recovery: Settings["postgres"]["recovery"];
  /** Whether every promise held. */
  readonly kept: boolean;
  readonly faults: readonly FaultSummary[];
  readonly skipped: readonly Skipped[];
  readonly rounds: readonly Verdict[];
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? 0) + (sorted[Math.ceil(middle)] ?? 0)) / 2;
}

/**
 * Sums up what was drilled; verdicts and skipped faults in the order in which they happened.
 *
 * @param goals by the fault's name; their limits of time are held against medians
 */
export function summarize(
  facts: Pick<DrillReport, "seed" | "started" | "recovery">,
  goals: Readonly<Record<string, Goal | undefined>>,
  rounds: readonly Verdict[],
  skipped: readonly Skipped[],
): DrillReport {
  const faults = [...Map.groupBy(rounds, ({ fault }) => fault)].map(([fault, all]) =>
    summarizeFault(fault, goals[fault] ?? {}, all),
  );
  const sum = (key: "lost" | "unexpected" | "stale" | "unread") =>
    faults.reduce((total, fault) => total + fault[key], 0);
  const most = (key: "overlap_seconds" | "write_outage_seconds" | "read_outage_seconds") =>
    Math.max(0, ...faults.map((fault) => fault[key]));
  const restored = faults.map(({ redundancy_restored_seconds }) => redundancy_restored_seconds);
  return {
    ...facts,
    kept: faults.every(({ broken }) => broken.length === 0),
    ...{ lost: sum("lost"), unexpected: sum("unexpected"), stale: sum("stale"), unread: sum("unread") },
    overlap_seconds: most("overlap_seconds"),
    write_outage_seconds: most("write_outage_seconds"),
    read_outage_seconds: most("read_outage_seconds"),
    redundancy_restored_seconds: restored.includes(null) ? null : Math.max(0, ...restored.map(Number)),
    ...{ faults, skipped, rounds },
  };
}

function summarizeFault(fault: string, goal: Goal, rounds: readonly Verdict[]): FaultSummary {
  const errors: Record<string, number> = {};
  for (const round of rounds)
    for (const [what, count] of Object.entries(round.errors)) errors[what] = (errors[what] ?? 0) + count;
  const of = (pick: (verdict: Verdict) => number) => median(rounds.map(pick));
  const restored = rounds.map(({ redundancy_restored_seconds }) => redundancy_restored_seconds);
  const count = (pick: (verdict: Verdict) => number) =>
    rounds.reduce((sum, verdict) => sum + pick(verdict), 0);
  const cached = rounds.flatMap(({ cached_reads_answered }) => cached_reads_answered ?? []);
  const times = {
    writeOutage: of(({ by_path }) => by_path.sql.write_outage_seconds),
    writesAfterHeal: of(({ writes_after_heal_seconds }) => writes_after_heal_seconds),
  };
  return {
    fault,
    rounds: rounds.length,
    lost: count(({ lost }) => lost.length),
    unexpected: count(({ unexpected }) => unexpected.length),
    stale: count(({ stale }) => stale),
    unread: count(({ unread }) => unread),
    overlap_seconds: Math.max(...rounds.map(({ overlap_seconds }) => overlap_seconds)),
    write_outage_seconds: of(({ write_outage_seconds }) => write_outage_seconds),
    sql_write_outage_seconds: times.writeOutage,
    read_outage_seconds: of(({ read_outage_seconds }) => read_outage_seconds),
    redundancy_restored_seconds: restored.includes(null) ? null : median(restored.map(Number)),
    api_reads_answered: Math.min(...rounds.map(({ api_reads_answered }) => api_reads_answered)),
    ...(cached.length < rounds.length ? {} : { cached_reads_answered: Math.min(...cached) }),
    errors,
    broken: [...new Set(rounds.flatMap(({ broken }) => broken)), ...late(goal, times)],
  };
}

/** Which limits of time the medians are beyond. */
function late(goal: Goal, times: Required<Pick<Goal, "writeOutage" | "writesAfterHeal">>): string[] {
  const over = (what: keyof typeof times, text: string) => {
    const limit = goal[what];
    if (limit === undefined || times[what] <= limit) return [];
    return [`${text} ${times[what].toFixed(1)} s, goal ${limit.toFixed(1)} s`];
  };
  return [
    ...over("writeOutage", "write outage"),
    ...over("writesAfterHeal", "from the heal to the next write"),
  ];
}

/** The table for the terminal. */
export function formatReport(report: DrillReport): string {
  const table = formatTable(
    [
      "fault",
      "rounds",
      "lost",
      "unexpected",
      "overlap",
      "write outage",
      "read outage",
      "whole again",
      "promises",
    ],
    report.faults.map((fault) => [
      fault.fault,
      String(fault.rounds),
      String(fault.lost),
      String(fault.unexpected),
      `${fault.overlap_seconds.toFixed(1)} s`,
      `${fault.write_outage_seconds.toFixed(1)} s`,
      `${fault.read_outage_seconds.toFixed(1)} s`,
      fault.redundancy_restored_seconds === null
        ? "never"
        : `${fault.redundancy_restored_seconds.toFixed(1)} s`,
      fault.broken.length === 0 ? "held" : `BROKEN: ${fault.broken.join("; ")}`,
    ]),
  );
  const skipped = report.skipped.map(({ fault, reason }) => `left out: ${fault}: ${reason}`);
  const verdict = report.kept ? "Every promise held." : "Promises were broken.";
  return [table, "", ...skipped, `seed ${report.seed}`, verdict].join("\n");
}
