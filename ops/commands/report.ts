import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { Failure } from "../../tools/failure.ts";
import { defineCommand } from "../define-command.ts";
import { Refusal } from "../refusal.ts";
import { formatDays, formatReport, readReport, reportPlots, reportTables } from "../report/monthly.ts";

interface Options {
  readonly days: string;
  readonly html?: string;
}

export const command = defineCommand<Options>({
  usage: "report",
  summary:
    "The performance report: service levels, caches, growth and what it leads to, statements by cost, indexes, bloat. Its SQL " +
    "alone runs under psql -f (ops/sql/performance-report.sql).",
  changes: false,
  examples: [
    ["report", "the last 30 days, or what the monitoring has of them, as text"],
    ["report --html month.html", "one page with plots that needs no server"],
    ["report --days 7 --json", "a week, for a program"],
  ],
  options: (command) =>
    command
      .option("--days <number>", "how far to look back, 1 to 366", "30")
      .option("--html <file>", "also write a page with plots into this file"),
  run: async ({ stack, options, say }) => {
    const days = Number(options.days);
    if (!Number.isInteger(days) || days < 1 || days > 366)
      throw new Refusal(`--days is "${options.days}"; use a whole number from 1 to 366.`);
    const report = await readReport(stack, days);
    if (options.html) {
      // The bundler behind it takes longer to load than most commands take.
      const { renderPage } = await import("../report/page.ts");
      const plots = await reportPlots(stack, report);
      const seconds = report.monitored?.seconds ?? 0;
      const page = await renderPage({
        stack: stack.name,
        title: "Dujyo: performance report",
        plots,
        period: seconds > 0 ? `the ${formatDays(seconds / 86_400)} up to` : "made",
        tables: reportTables(report),
      });
      say(`${write(options.html, page)}: ${plots.filter(({ series }) => series.length > 0).length} plots`);
    }
    return { text: formatReport(report), data: report };
  },
});

function write(file: string, page: string): string {
  const path = resolve(file);
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, page);
  } catch (error) {
    throw new Failure(`--html names ${path}, which can not be written: ${(error as Error).message}`);
  }
  return path;
}
