import { LEVELS, type Level } from "../../dashboards/bounds.ts";
import { formatValue } from "../../dashboards/units.ts";
import { fillVariables } from "../monitoring/expressions.ts";
import type { Prometheus } from "../monitoring/prometheus.ts";
import { type PanelJson, panelsOf } from "./panels.ts";

/** A figure of the overview as it is now. */
export interface Tile {
  readonly title: string;
  readonly description: string;
  /** `99.95 %`; `-` without a value. */
  readonly value: string;
  /** How bad it is. @default it is as it should be, or unknown */
  readonly level?: Level;
}

/** Reads every single figure of a dashboard. */
export async function readTiles(root: string, dashboard: string, prometheus: Prometheus): Promise<Tile[]> {
  return Promise.all(
    panelsOf(root, dashboard)
      .filter(({ type }) => type === "stat")
      .map(async ({ title, description, targets, fieldConfig: { defaults } }) => {
        const [sample] = await prometheus.query(fillVariables(targets[0]?.expr ?? ""));
        const value = sample && Number.isFinite(sample.value) ? sample.value : undefined;
        const level = value === undefined ? undefined : levelAt(value, defaults.thresholds.steps);
        return {
          title,
          description,
          value: value === undefined ? "-" : display(value, defaults),
          ...(level ? { level } : {}),
        };
      }),
  );
}

/** 99.95 % must not be rounded to 100 %. */
function display(value: number, { unit, decimals }: PanelJson["fieldConfig"]["defaults"]): string {
  if (decimals === undefined) return unit === "short" ? String(value) : formatValue(value, unit);
  return unit === "percentunit"
    ? `${Number((value * 100).toFixed(decimals))} %`
    : String(Number(value.toFixed(decimals)));
}

function levelAt(value: number, steps: PanelJson["fieldConfig"]["defaults"]["thresholds"]["steps"]) {
  const colour = steps.findLast((step) => step.value === null || value >= step.value)?.color;
  return (Object.keys(LEVELS) as Level[]).find((level) => LEVELS[level] === colour);
}
