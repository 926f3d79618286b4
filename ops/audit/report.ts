import type { Excepted, Outcome, Verdict } from "./check.ts";

export interface Report {
  /** Date of the run, `2026-01-31`. */
  readonly date: string;
  readonly stack: string;
  /** Settings of the stack that differ from the defaults, `backup.enabled: true`. */
  readonly settings: readonly string[];
  readonly verdicts: readonly Verdict[];
}

const OUTCOMES: readonly Outcome[] = ["passed", "excepted", "skipped", "failed"];

export function countOutcomes(verdicts: readonly Verdict[]): Record<Outcome, number> {
  const counts = Object.fromEntries(OUTCOMES.map((outcome) => [outcome, 0])) as Record<Outcome, number>;
  for (const { outcome } of verdicts) counts[outcome] += 1;
  return counts;
}

/** Percentage of a benchmark's items that pass without an exception, of those that could be asked. */
export function share(verdicts: readonly Verdict[], benchmark: string): number {
  const asked = verdicts.filter(({ id, outcome }) => id.startsWith(`${benchmark}/`) && outcome !== "skipped");
  return asked.length === 0
    ? 0
    : (100 * asked.filter(({ outcome }) => outcome === "passed").length) / asked.length;
}

const cell = (text: string) => text.replaceAll("|", "\\|").replaceAll("\n", " ");

/** The report as a page. */
export function reportPage({ date, stack, settings, verdicts }: Report): string {
  const counts = countOutcomes(verdicts);
  const areas = Map.groupBy(verdicts, ({ id }) => id.split("/")[0] as string);
  const tables = [...areas].map(([area, rows]) =>
    [
      `## ${area}\n`,
      "| check | what holds | result | evidence |",
      "| --- | --- | --- | --- |",
      ...rows.map(
        ({ id, title, outcome, evidence }) =>
          `| ${id.slice(area.length + 1)} | ${cell(title)} | ${outcome} | ${cell(evidence)} |`,
      ),
    ].join("\n"),
  );
  const reasons = verdicts.flatMap(({ id, outcome, evidence, excepted, offences }) => [
    ...groupReasons(excepted).map((line) => `- ${id}: ${line}`),
    ...(outcome === "skipped" ? [`- ${id}, skipped: ${evidence}`] : []),
    ...offences.map((offence) => `- ${id}, **failed**: ${offence}`),
  ]);
  return `# Security audit

Written by \`npm run audit\` on ${date}, of the stack \`${stack}\`: ${OUTCOMES.map((outcome) => `${counts[outcome]} ${outcome}`).join(", ")}.
Of the items of the CIS benchmarks that were asked, these pass without an exception: PostgreSQL ${share(verdicts, "cis-postgres").toFixed(1)} % (the goal is 95 %),
Docker's containers ${share(verdicts, "cis-docker").toFixed(1)} %. Numbers behind \`cis-\` are those of the benchmarks (PostgreSQL 17, 1.1.0; Docker, 1.8.0),
titles are our own words. Asked is all that the first calls automated, and what a program can answer of the rest. The same as
data: [audit.json](audit.json).

The stack's settings are the defaults, but for ${settings.length === 0 ? "none" : settings.map((setting) => `\`${setting}\``).join(", ")}.

${tables.join("\n\n")}

## Reasons

${reasons.length > 0 ? reasons.join("\n") : "No exception was made."}
`;
}

/** Exceptions with one reason as one line: what they are about is told by the first, and how many more there are. */
function groupReasons(excepted: readonly Excepted[]): string[] {
  const groups = Map.groupBy(excepted, ({ reason }) => reason);
  return [...groups].map(([reason, [first, ...more]]) => {
    const others = more.length > 0 ? ` (and ${more.length} more)` : "";
    return `${first?.offence}${others}. ${reason[0]?.toUpperCase()}${reason.slice(1)}.`;
  });
}
