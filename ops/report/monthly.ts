import { formatValue } from "../../dashboards/units.ts";
import { ROOT } from "../../tools/layout.ts";
import { Prometheus } from "../monitoring/prometheus.ts";
import type { RunningStack } from "../running-stack.ts";
import { formatTable } from "../table.ts";
import { lookBack, type MonitoredFigures, readFigures } from "./figures.ts";
import { type Plot, readPlots } from "./plots.ts";
import { type ReportTable, readTables } from "./sql-tables.ts";

export interface MonthlyReport {
  readonly stack: string;
  /** RFC 3339. */
  readonly made: string;
  /** Days that were asked for. */
  readonly days: number;
  /** Answers of the database's leader. */
  readonly database: readonly ReportTable[];
  /** Null where the monitoring is off or does not answer; `unmonitored` tells which. */
  readonly monitored: MonitoredFigures | null;
  readonly unmonitored: string | null;
}

const DAY = 86_400;

/** Reads all figures of the last `days`. */
export async function readReport(stack: RunningStack, days: number): Promise<MonthlyReport> {
  const connection = await stack.connection();
  const { leader } = await stack.patroni.ledView();
  const database = await readTables(connection, leader);
  let monitored: MonitoredFigures | null = null;
  let unmonitored: string | null = null;
  if (!stack.settings.monitoring.enabled)
    unmonitored = "The monitoring is off in this stack (monitoring.enabled).";
  else
    try {
      const prometheus = new Prometheus((await stack.monitoring()).prometheus);
      monitored = await readFigures(prometheus, await lookBack(prometheus, days * DAY));
    } catch (error) {
      unmonitored = (error as Error).message;
    }
  return { stack: stack.name, made: new Date().toISOString(), days, database, monitored, unmonitored };
}

/** Graphs of the overview over the same time; none where the monitoring does not answer. */
export async function reportPlots(
  { monitoring }: RunningStack,
  { monitored }: MonthlyReport,
): Promise<Plot[]> {
  if (!monitored) return [];
  const prometheus = new Prometheus((await monitoring()).prometheus);
  return await readPlots(ROOT, "dujyo-overview", prometheus, monitored.seconds);
}

/** Objectives, figures and growth as tables like those of the database. */
export function monitoredTables({
  objectives,
  figures,
  forecasts,
  seconds,
}: MonitoredFigures): ReportTable[] {
  const share = (value: number | null) => (value === null ? "-" : `${Number((value * 100).toFixed(3))} %`);
  const value = (of: number | null, unit: string) => (of === null ? "-" : formatValue(of, unit));
  const span = formatDays(seconds / DAY);
  return [
    {
      title: "objective",
      description: `Service levels over ${span}, which is what the monitoring has of the time asked for.`,
      columns: ["objective", "goal", "reached", "budget spent", "verdict"],
      rows: objectives.map(({ name, goal, reached, budget_spent, kept }) => [
        name,
        share(goal),
        share(reached),
        share(budget_spent),
        kept === null ? "no requests" : kept ? "kept" : "MISSED",
      ]),
    },
    {
      title: "figure",
      description: `Caches and peaks over ${span}.`,
      columns: ["figure", "value", "goal or limit"],
      rows: figures.map(({ name, unit, value: is, goal, atLeast }) => [
        name,
        value(is, unit),
        goal === null ? "-" : `${atLeast ? ">=" : "<="} ${formatValue(goal, unit)}`,
      ]),
    },
    {
      title: "what grows",
      description: `A straight line through ${span}, gone on with. The shorter the time, the less it means.`,
      columns: ["what grows", "now", "limit", "per day", "limit reached in", "told from"],
      rows: forecasts.map(({ name, unit, now, limit, per_day, days_left, basis_days }) => [
        name,
        formatValue(now, unit),
        formatValue(limit, unit),
        `${per_day < 0 ? "-" : "+"}${formatValue(Math.abs(per_day), unit)}`,
        days_left === null ? "not in 10 years" : formatDays(days_left),
        formatDays(basis_days),
      ]),
    },
  ];
}

/** All tables in the order in which a person reads them. */
export function reportTables({ database, monitored }: MonthlyReport): ReportTable[] {
  return [...(monitored ? monitoredTables(monitored) : []), ...database];
}

export function formatReport(report: MonthlyReport): string {
  const head = `Performance report of the stack "${report.stack}", ${report.made.slice(0, 16).replace("T", " ")} UTC.`;
  const tables = reportTables(report).map(({ description, columns, rows }) =>
    [description, "", rows.length > 0 ? formatTable(columns, rows) : "  none"].join("\n"),
  );
  return [head, ...(report.unmonitored ? [report.unmonitored] : []), ...tables].join("\n\n");
}

/** `3.5 days`, `40 min`. */
export function formatDays(days: number): string {
  if (days >= 2) return `${Number(days.toPrecision(3))} days`;
  return days * 24 >= 2 ? `${Number((days * 24).toPrecision(3))} h` : `${Math.round(days * 1_440)} min`;
}
