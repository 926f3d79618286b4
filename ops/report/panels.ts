import { readFileSync } from "node:fs";
import { join } from "node:path";

/** What the report reads of a dashboard's panel. */
export interface PanelJson {
  readonly type: string;
  readonly title: string;
  readonly description: string;
  readonly panels?: readonly PanelJson[];
  readonly targets: readonly { readonly expr: string; readonly legendFormat: string }[];
  readonly fieldConfig: {
    readonly defaults: {
      readonly unit: string;
      readonly max?: number;
      readonly decimals?: number;
      readonly thresholds: { readonly steps: readonly { value: number | null; color: string }[] };
      readonly custom?: { readonly stacking?: { readonly mode: string } };
    };
  };
}

/** Panels of a generated dashboard in their order, rows left out. */
export function panelsOf(root: string, dashboard: string): readonly PanelJson[] {
  const file = join(root, "dashboards/generated", `${dashboard}.json`);
  const { panels } = JSON.parse(readFileSync(file, "utf8")) as { panels: PanelJson[] };
  return panels.flatMap((panel) => (panel.type === "row" ? (panel.panels ?? []) : [panel]));
}
