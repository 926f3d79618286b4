import { PROMOTION_SECONDS, RECOVERY_PROFILES, worstNodeLoss } from "../../infra/settings/recovery.ts";
import { STOCK_SECONDS, STOCK_SHARE } from "./stock.ts";
import type { DrillReport, FaultSummary } from "./summary.ts";

const HEAD = `| fault | rounds | lost / unexpected / overlap | stale / unread | write outage | read outage | API reads | whole again | promises |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |`;

const seconds = (value: number | null) => (value === null ? "never" : `${value.toFixed(1)} s`);

/**
 * The page `docs/drills.md`.
 *
 * @param report the last full run
 * @param random the last run of faults that were drawn by lot; undefined where there was none
 * @param titles what each fault is, by its name
 */
export function reportPage(
  report: DrillReport,
  random: DrillReport | undefined,
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
      `${(fault.api_reads_answered * 100).toFixed(2)} %`,
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
that were answered; from the heal until every member is back in its place. Times are medians of the rounds, counts are sums.

${table(report)}

${random ? `${byLot(random)}\n\n${table(random)}\n\n` : ""}## What the lease costs

${lease(report.recovery)}

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
  const { ttl, loopWait, checkInterval } = profile;
  return `A primary that is gone, frozen or cut off can not hand over: its lease has to end. That is ${ttl} s, renewed every ${loopWait} s, so it ends
${ttl - loopWait} to ${ttl} s after the fault. Election and promotion take up to ${PROMOTION_SECONDS} s, HAProxy's next check up to ${checkInterval / 1_000} s:
${ttl - loopWait} to ${worstNodeLoss(profile)} s in all. Patroni takes no lease below 20 s. Patroni's and its HAProxy template's own values took ${STOCK_SECONDS.gone} s
(gone), ${STOCK_SECONDS.frozen} s (frozen) and ${STOCK_SECONDS.cut} s (cut off); the goal is ${STOCK_SHARE} of that.`;
}
