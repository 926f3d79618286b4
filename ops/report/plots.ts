import { LEVELS, type Level } from "../../dashboards/bounds.ts";
import { fillVariables } from "../monitoring/expressions.ts";
import type { Prometheus, Series } from "../monitoring/prometheus.ts";
import { type PanelJson, panelsOf } from "./panels.ts";

/** A plot of the report: one graph of the overview dashboard with its values. */
export interface Plot {
  readonly title: string;
  readonly description: string;
  /** Grafana's name of the unit. */
  readonly unit: string;
  /** What the points' first number counts: seconds since 1970, or rounds of measuring. @default "time" */
  readonly over?: "time" | "rounds";
  /** Where the axis ends, where the panel says so. */
  readonly max?: number;
  /** Whether series stand on top of each other. */
  readonly stacked: boolean;
  readonly bounds: readonly { readonly at: number; readonly level: Level }[];
  readonly series: readonly { readonly name: string; readonly points: Series["points"] }[];
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
  const now = Math.floor(Date.now() / 1_000);
  const step = Math.max(SAMPLES, Math.ceil(seconds / POINTS));
  // A rate over less than a step would leave out what happened in between.
  const rateWindow = `${Math.max(60, step)}s`;
  return Promise.all(
    panelsOf(root, dashboard)
      .filter(({ type }) => type === "timeseries")
      .map(async ({ title, description, targets, fieldConfig: { defaults } }) => {
        const answers = await Promise.all(
          targets.map(async ({ expr, legendFormat }) => {
            const series = await prometheus.range(fillVariables(expr, rateWindow), now - seconds, now, step);
            return series.map(({ labels, points }) => ({ name: legend(legendFormat, labels), points }));
          }),
        );
        return {
          title,
          description,
          unit: defaults.unit,
          ...(defaults.max === undefined ? {} : { max: defaults.max }),
          stacked: defaults.custom?.stacking?.mode === "normal",
          bounds: bounds(defaults.thresholds?.steps),
          series: answers.flat().filter(({ points }) => points.some(([, value]) => Number.isFinite(value))),
        };
      }),
  );
}

/** A step of colours is a bound of the worse of the two that meet there. */
function bounds(steps: PanelJson["fieldConfig"]["defaults"]["thresholds"]["steps"] = []): Plot["bounds"] {
  const colours = Object.values(LEVELS) as string[];
  const levels = Object.keys(LEVELS) as Level[];
  return steps.flatMap(({ value, color }, index) => {
    const worse = Math.max(colours.indexOf(color), colours.indexOf(steps[index - 1]?.color ?? ""));
    return value === null || worse < 0 ? [] : [{ at: value, level: levels[worse] as Level }];
  });
}

function legend(format: string, labels: Readonly<Record<string, string>>): string {
  return format.replaceAll(/\{\{(\w+)\}\}/g, (_, label: string) => labels[label] ?? "");
}
