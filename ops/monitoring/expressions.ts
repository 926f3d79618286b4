import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { parse } from "yaml";

/** A query of a panel, with Grafana's variables in it. */
export interface PanelQuery {
  readonly dashboard: string;
  readonly panel: string;
  readonly expression: string;
  /** How its series are called: `{{instance}}`. */
  readonly legend: string;
}

/** A variable whose picks are the values of a label. */
export interface DashboardVariable {
  readonly dashboard: string;
  readonly series: string;
  readonly label: string;
}

export interface Rule {
  readonly file: string;
  readonly name: string;
  readonly kind: "alert" | "record";
  readonly expression: string;
}

interface PanelJson {
  readonly type: string;
  readonly title?: string;
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
  readonly panels?: readonly PanelJson[];
}

interface DashboardJson {
  readonly panels: readonly PanelJson[];
  readonly templating: { readonly list: readonly { readonly query: unknown }[] };
}

interface RuleJson {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
}

/** Grafana's choice for a scrape interval of 15 s: four of them. */
const RATE_INTERVAL = "1m";

/** Panels of all dashboards, rows left out. */
export function panelQueries(folder: string): PanelQuery[] {
  return jsonFiles(folder).flatMap(({ name, json }) =>
    allPanels(json.panels).flatMap(({ title = "", targets = [] }) =>
      targets.map(({ expr, legendFormat }) => ({
        dashboard: name,
        panel: title,
        expression: expr,
        legend: legendFormat,
      })),
    ),
  );
}

/** Variables of all dashboards that a person picks members by. */
export function dashboardVariables(folder: string): DashboardVariable[] {
  return jsonFiles(folder).flatMap(({ name, json }) =>
    json.templating.list.flatMap(({ query }) => {
      const [, series, label] = /^label_values\((.*), (\w+)\)$/.exec(String(query)) ?? [];
      return series && label ? [{ dashboard: name, series, label }] : [];
    }),
  );
}

/** Number of panels of all dashboards. */
export function countPanels(folder: string): number {
  return jsonFiles(folder).reduce((sum, { json }) => sum + allPanels(json.panels).length, 0);
}

export function readRules(folder: string): Rule[] {
  const files = readdirSync(folder).filter((name) => name.endsWith(".yml"));
  return files.sort().flatMap((file) => {
    const { groups } = parse(readFileSync(join(folder, file), "utf8")) as { groups: { rules: RuleJson[] }[] };
    return groups.flatMap(({ rules }) =>
      rules.map(({ alert, record, expr }) => ({
        file,
        name: alert ?? record ?? "",
        kind: alert === undefined ? ("record" as const) : ("alert" as const),
        expression: String(expr),
      })),
    );
  });
}

function jsonFiles(folder: string): { name: string; json: DashboardJson }[] {
  const files = readdirSync(folder).filter((name) => name.endsWith(".json"));
  return files.sort().map((file) => ({
    name: basename(file, ".json"),
    json: JSON.parse(readFileSync(join(folder, file), "utf8")),
  }));
}

function allPanels(panels: readonly PanelJson[] = []): PanelJson[] {
  return panels.flatMap((panel) => (panel.type === "row" ? allPanels(panel.panels) : [panel]));
}

/**
 * An expression as Grafana would send it.
 *
 * @param rateWindow what stands for `$__rate_interval`
 * @param instance the pick of the variable, a regular expression. @default all
 */
export function fillVariables(expression: string, rateWindow = RATE_INTERVAL, instance = ".*"): string {
  return expression.replaceAll("$__rate_interval", rateWindow).replaceAll("$instance", instance);
}
