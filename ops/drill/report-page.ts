import type { DrillReport, FaultSummary } from "./summary.ts";

const seconds = (value: number | null) => (value === null ? "never" : `${value.toFixed(1)} s`);

/**
 * The page `docs/drills.md`.
 *
 * @param titles what each fault is, by its name
 */
export function reportPage(report: DrillReport, titles: Readonly<Record<string, string>>): string {
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
  return `# Drills

Written by \`npm run ops -- drill --all\`; all figures of the run are in [drills.json](drills.json). Readers and writers work
through the API and directly through the pooler while a fault happens; each acknowledged write is on the client's disk before it
counts. Begun ${report.started}, recovery profile \`${report.recovery}\`, seed ${report.seed}. ${report.kept ? "Every promise held." : "Some promises were broken, as the last column says."}

Columns: acknowledged writes lost / unexpected writes / time during which two members acknowledged commits; reads staler than
promised / reads that missed the write whose token they carried; longest pause between two acknowledged writes through the
pooler (in brackets: on the path where it was longest, the API included) and between two answered reads; share of the API's reads
that were answered; from the heal until every member is back in its place. Times are medians of the rounds, counts are sums.

| fault | rounds | lost / unexpected / overlap | stale / unread | write outage | read outage | API reads | whole again | promises |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
${report.faults.map((fault) => `| ${row(fault)} |`).join("\n")}

## Left out

${report.skipped.map(({ fault, reason }) => `- \`${fault}\`: ${reason}.`).join("\n") || "Nothing."}
`;
}
