import {
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
  VariableSort,
} from "@grafana/grafana-foundation-sdk/dashboard";
import { type AnyPanel, SOURCE } from "./panels.ts";

/** Dashboards by the last part of their uid. Links and bookmarks name them: a uid never changes. */
export const TITLES = {
  overview: "Overview",
  postgres: "PostgreSQL",
  pooling: "Pooling and routing",
  redis: "Redis Cluster",
  api: "API",
  capacity: "Capacity",
} as const;

export type DashboardName = keyof typeof TITLES;

export interface Row {
  readonly title: string;
  readonly panels: readonly AnyPanel[];
}

export interface DashboardOptions {
  readonly name: DashboardName;
  readonly description: string;
  /** Series whose `instance` label fills the variable `instance`: `up{job="postgres"}`. */
  readonly instancesOf: string;
  readonly rows: readonly Row[];
}

export function uidOf(name: DashboardName): string {
  return `dujyo-${name}`;
}

/** What all dashboards have in common: variables, links between them, ranges, a shared cursor. */
export function dashboard({ name, description, instancesOf, rows }: DashboardOptions): Dashboard {
  const builder = new DashboardBuilder(`Dujyo / ${TITLES[name]}`)
    .uid(uidOf(name))
    .description(description)
    .tags(["dujyo"])
    .timezone("browser")
    .time({ from: "now-1h", to: "now" })
    .refresh("30s")
    .tooltip(DashboardCursorSync.Crosshair)
    .readonly()
    .withVariable(
      new DatasourceVariableBuilder("stack")
        .label("Stack")
        .description("A stack is the Prometheus that watches it")
        .type("prometheus"),
    )
    .withVariable(
      new QueryVariableBuilder("instance")
        .label("Instance")
        .description("Members to show")
        .datasource(SOURCE)
        .query(`label_values(${instancesOf}, instance)`)
        .refresh(VariableRefresh.OnTimeRangeChanged)
        .sort(VariableSort.NaturalAsc)
        .multi(true)
        .includeAll(true)
        .allValue(".*")
        .current({ selected: true, text: "All", value: "$__all" }),
    );
  for (const [other, title] of Object.entries(TITLES))
    if (other !== name)
      builder.link(
        new DashboardLinkBuilder(title)
          .type(DashboardLinkType.Link)
          .url(`/d/${uidOf(other as DashboardName)}`)
          .includeVars(false)
          .keepTime(true),
      );
  for (const { title, panels } of rows) {
    builder.withRow(new RowBuilder(title));
    for (const panel of panels) builder.withPanel(panel);
  }
  return builder.build();
}
