import {
  PROMOTION_SECONDS,
  RECOVERY_PROFILES,
  worstNodeLoss,
  worstRise,
} from "../../infra/settings/recovery.ts";
import { COMPARED_COLUMNS, type Comparison, comparedCells } from "./comparison.ts";
import { type DrillReport, type FaultSummary, median } from "./summary.ts";

const HEAD = `| fault | rounds | lost / unexpected / overlap | stale / unread | write outage | read outage | API reads | whole again | promises |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |`;

const percent = (share: number) => `${(share * 100).toFixed(2)} %`;

const seconds = (value: number | null) => (value === null ? "never" : `${value.toFixed(1)} s`);

/** Further runs that the page tells of, the last one of each kind; undefined where there was none. */
export interface FurtherRuns {
  /** Faults that were drawn by lot. */
  readonly random: DrillReport | undefined;
  /** The profile `fast` beside `stock`. */
  readonly stock: Comparison | undefined;
}

/**
 * The page `docs/drills.md`.
 *
 * @param report the last full run
 * @param titles what each fault is, by its name
 */
export function reportPage(
  report: DrillReport,
  { random, stock }: FurtherRuns,
  titles: Readonly<Record<string, string>>,
): string {
  const row = (fault: FaultSummary) =>
    [
      titles[fault.fault] ?? fault.fault,
      String(fault.rounds),
      `${fault.lost} / ${fault.unexpected} / ${fault.overlap_seconds.toFixed(1)} s`,
      `${fault.stale} / ${fault.unread}`,
      `${seconds(fault.sql_write_outage_seconds)} (${seconds(fault.write_outage_seconds)})`,
      seconds(fault.read_outage_seconds),
      percent(fault.api_reads_answered) +
        (fault.cached_reads_answered === undefined ? "" : ` (${percent(fault.cached_reads_answered)})`),
      seconds(fault.redundancy_restored_seconds),
      fault.broken.length === 0 ? "held" : fault.broken.join("; "),
    ].join(" | ");
  const table = ({ faults }: DrillReport) => `${HEAD}
${faults.map((fault) => `| ${row(fault)} |`).join("\n")}`;
  return `# Drills

Written by \`npm run ops -- drill --all\`; all figures of the run are in [drills.json](drills.json). Readers and writers work
through the API and directly through the pooler while a fault happens; each acknowledged write is on the client's disk before it
counts. Begun ${report.started}, recovery profile \`${report.recovery}\`, seed ${report.seed}. ${report.kept ? "Every promise held." : "Some promises were broken, as the last column says."}

Columns: acknowledged writes lost / unexpected writes / time during which two members acknowledged commits; reads staler than
promised / reads that missed the write whose token they carried; longest pause between two acknowledged writes through the
pooler (in brackets: on the path where it was longest, the API included) and between two answered reads; share of the API's reads
that were answered (in brackets: of those of an account that nobody books from, which the cache may answer); from the heal until
every member is back in its place. Times are medians of the rounds, counts are sums, shares are those of the worst round.

${table(report)}

${random ? `${byLot(random)}\n\n${table(random)}\n\n` : ""}${stock ? `${besideStock(stock, titles)}\n\n` : ""}## What the lease costs

${lease(report.recovery)}${stock ? `\n\n${stockLease()}` : ""}

## Left out

${report.skipped.map(({ fault, reason }) => `- \`${fault}\`: ${reason}.`).join("\n") || "Nothing."}
`;
}

/** What came before the table of a run by lot. */
function byLot({ rounds, seed, started, kept, faults }: DrillReport): string {
  const broken = faults.filter((fault) => fault.broken.length > 0).length;
  return `## By lot

${rounds.length} faults drawn by lot with seed ${seed}, one after the other, begun ${started}. ${kept ? "Every promise held." : `Promises of ${broken} of them were broken.`}
All figures are in [drills-random.json](drills-random.json).`;
}

/** Why the loss of the primary's node takes as long as it does, in the figures of the recovery profile. */
function lease(recovery: DrillReport["recovery"]): string {
  const profile = RECOVERY_PROFILES[recovery];
  const { ttl, loopWait } = profile;
  return `A primary that is gone, frozen or cut off can not hand over: its lease has to end. That is ${ttl} s, renewed every ${loopWait} s, so it ends
${ttl - loopWait} to ${ttl} s after the fault. Election and promotion take up to ${PROMOTION_SECONDS} s, HAProxy's next check up to ${worstRise(profile)} s:
${ttl - loopWait} to ${worstNodeLoss(profile)} s in all. Patroni takes no lease below 20 s.`;
}

/** The same for the profile that others are compared with. */
function stockLease(): string {
  const profile = RECOVERY_PROFILES.stock;
  const { ttl, loopWait, checkRise, checkInterval } = profile;
  return `With the profile \`stock\` the lease is ${ttl} s, renewed every ${loopWait} s, and HAProxy wants ${checkRise} checks in a row, ${checkInterval / 1_000} s apart: ${ttl - loopWait} to
${worstNodeLoss(profile)} s in all.`;
}

/** The profile `fast` beside `stock`, fault by fault. */
function besideStock(
  { started, differ, faults, kept, skipped, reports }: Comparison,
  titles: Readonly<Record<string, string>>,
): string {
  const rows = faults.map((compared) =>
    [titles[compared.fault] ?? compared.fault, ...comparedCells(compared)].join(" | "),
  );
  const leftOut = skipped.map(({ fault, reason }) => `\n\n\`${fault}\` was left out: ${reason}.`);
  return `## Beside Patroni's own times

Written by \`npm run ops -- drill <faults> --beside <stack>\`; all figures are in [drills-stock.json](drills-stock.json). Two stacks
on one machine took turns, round by round: one with the recovery profile \`fast\`, the other with \`stock\`, the times that Patroni
and its HAProxy template come with. They differ in ${differ.map((path) => `\`${path}\``).join(", ")}, ports and addresses alone.
Begun ${started}. ${kept ? "Every promise of `fast` held." : "Some promises of `fast` were broken, as the last column says."}

Times are medians, \`fast\` / \`stock\`; writes are those through the pooler. The ratio is that of the write outages; where the lease
decides, it is the goal, too, and elsewhere the goal is a time.${busy(reports)}

| ${COMPARED_COLUMNS.join(" | ")} |
| ${COMPARED_COLUMNS.map(() => "---").join(" | ")} |
${rows.map((row) => `| ${row} |`).join("\n")}${leftOut.join("")}`;
}

/** How busy the machine was, where that was noted: times are longer on one that does other work. */
function busy(reports: readonly DrillReport[]): string {
  const loads = reports.flatMap(({ rounds }) => rounds.flatMap(({ load }) => load ?? []));
  if (loads.length === 0) return "";
  return ` The machine's load average was
${Math.min(...loads).toFixed(1)} to ${Math.max(...loads).toFixed(1)} at the ends of the turns, ${median(loads).toFixed(1)} in the median.`;
}
