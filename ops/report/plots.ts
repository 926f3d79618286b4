import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Prometheus, Series } from "../monitoring/prometheus.ts";

/** A plot of the report: one graph of the overview dashboard with its values. */
export interface Plot {
  readonly title: string;
  readonly description: string;
  /** Grafana's name of the unit. */
  readonly unit: string;
  readonly bounds: readonly { readonly at: number; readonly colour: string }[];
  readonly series: readonly { readonly name: string; readonly points: Series["points"] }[];
}

interface PanelJson {
  readonly type: string;
  readonly title: string;
  readonly description: string;
  readonly panels?: readonly PanelJson[];
  readonly targets: readonly { readonly expr: string; readonly legendFormat: string }[];
  readonly fieldConfig: {
    readonly defaults: {
      readonly unit: string;
      readonly thresholds?: { readonly steps: readonly { value: number | null; color: string }[] };
    };
  };
}

const HOUR = 3_600;
/** Points of a series, more than a plot shows. */
const POINTS = 240;
/** Seconds between two samples; closer points would show nothing more. */
const SAMPLES = 15;

/**
 * Reads every graph of a dashboard, up to now.
 *
 * @param seconds how far back. @default one hour
 */
export async function readPlots(
  root: string,
  dashboard: string,
  prometheus: Prometheus,
  seconds = HOUR,
): Promise<Plot[]> {
  const file = join(root, "dashboards/generated", `${dashboard}.json`);
  const { panels } = JSON.parse(readFileSync(file, "utf8")) as { panels: PanelJson[] };
  const all = panels.flatMap((panel) => (panel.type === "row" ? (panel.panels ?? []) : [panel]));
  const now = Math.floor(Date.now() / 1_000);
  const step = Math.max(SAMPLES, Math.ceil(seconds / POINTS));
  // A rate over less than a step would leave out what happened in between.
  const rateWindow = `${Math.max(60, step)}s`;
  return Promise.all(
    all
      .filter(({ type }) => type === "timeseries")
      .map(async ({ title, description, targets, fieldConfig: { defaults } }) => {
        const answers = await Promise.all(
          targets.map(async ({ expr, legendFormat }) => {
            const expression = expr.replaceAll("$__rate_interval", rateWindow).replaceAll("$instance", ".*");
            const series = await prometheus.range(expression, now - seconds, now, step);
            return series.map(({ labels, points }) => ({ name: legend(legendFormat, labels), points }));
          }),
        );
        const bounds = (defaults.thresholds?.steps ?? []).flatMap(({ value, color }, index, steps) =>
          value === null
            ? []
            : [{ at: value, colour: color === "green" ? (steps[index - 1]?.color ?? color) : color }],
        );
        return {
          title,
          description,
          unit: defaults.unit,
          bounds,
          series: answers.flat().filter(({ points }) => points.some(([, value]) => Number.isFinite(value))),
        };
      }),
  );
}

function legend(format: string, labels: Readonly<Record<string, string>>): string {
  return format.replaceAll(/\{\{(\w+)\}\}/g, (_, label: string) => labels[label] ?? "");
}
