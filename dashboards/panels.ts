import type { Builder, Dataquery } from "@grafana/grafana-foundation-sdk/cog";
import * as common from "@grafana/grafana-foundation-sdk/common";
import {
  GraphDrawStyle,
  GraphGradientMode,
  GraphThresholdsStyleMode,
  LegendDisplayMode,
  LegendPlacement,
  SortOrder,
  StackingMode,
  TooltipDisplayMode,
  VisibilityMode,
} from "@grafana/grafana-foundation-sdk/common";
import {
  type Panel,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from "@grafana/grafana-foundation-sdk/dashboard";
import { DataqueryBuilder, PromQueryFormat } from "@grafana/grafana-foundation-sdk/prometheus";
import * as stats from "@grafana/grafana-foundation-sdk/stat";
import * as tables from "@grafana/grafana-foundation-sdk/table";
import * as graphs from "@grafana/grafana-foundation-sdk/timeseries";
import { type Bound, colourSteps } from "./bounds.ts";
import { formatInSentence } from "./units.ts";

/** A query and how its series are called, `{{instance}}` for example. */
export interface Query {
  readonly expr: string;
  readonly legend: string;
}

/** What every panel has to say; the rest has a default. */
export interface PanelOptions {
  readonly title: string;
  /** Why somebody looks here, and what is normal. The bounds add what they are. */
  readonly description: string;
  /** Grafana's name of the unit: `s`, `bytes`, `percentunit`, `reqps`, `short`. */
  readonly unit: string;
  readonly queries: readonly Query[];
  readonly bounds?: readonly Bound[];
  /** Columns of 24. Default: 8 for graphs, 4 for figures, 12 for tables. */
  readonly span?: number;
  readonly min?: number;
  readonly max?: number;
  readonly decimals?: number;
}

export type AnyPanel = Builder<Panel>;

/** The data source that the `stack` variable picks. */
export const SOURCE = { type: "prometheus", uid: "$stack" } as const;

const GRAPH_HEIGHT = 8;
const FIGURE_HEIGHT = 4;

export function query(expr: string, legend: string): Query {
  return { expr, legend };
}

function thresholds(bounds: readonly Bound[] = []): ThresholdsConfigBuilder {
  return new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(colourSteps(bounds));
}

function describe({ description, bounds = [], unit }: PanelOptions): string {
  const sentences = bounds.flatMap(
    ({ sentence }) => sentence?.((value) => formatInSentence(value, unit)) ?? [],
  );
  return [description, ...sentences].join(" ");
}

function targets(queries: readonly Query[], shape: "range" | "instant" | "table"): Builder<Dataquery>[] {
  return queries.map(({ expr, legend }, index) => {
    const target = new DataqueryBuilder()
      .datasource(SOURCE)
      .refId(String.fromCharCode(65 + index))
      .expr(expr)
      .legendFormat(legend);
    if (shape === "range") return target.range();
    return target.instant().format(shape === "table" ? PromQueryFormat.Table : PromQueryFormat.TimeSeries);
  });
}

interface GraphOptions extends PanelOptions {
  /** Series on top of each other. Default: false. */
  readonly stacked?: boolean;
}

/** Lines over time, with the bounds drawn. */
export function graph(options: GraphOptions): AnyPanel {
  const panel = new graphs.PanelBuilder()
    .title(options.title)
    .description(describe(options))
    .datasource(SOURCE)
    .targets(targets(options.queries, "range"))
    .unit(options.unit)
    .min(options.min ?? 0)
    .thresholds(thresholds(options.bounds))
    .thresholdsStyle(
      new common.GraphThresholdsStyleConfigBuilder().mode(
        options.bounds ? GraphThresholdsStyleMode.Dashed : GraphThresholdsStyleMode.Off,
      ),
    )
    .drawStyle(GraphDrawStyle.Line)
    .lineWidth(1)
    .fillOpacity(options.stacked ? 30 : 8)
    .gradientMode(GraphGradientMode.None)
    .showPoints(VisibilityMode.Never)
    .legend(
      new common.VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom)
        .showLegend(true)
        .calcs([]),
    )
    .tooltip(new common.VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending))
    .span(options.span ?? 8)
    .height(GRAPH_HEIGHT);
  if (options.stacked)
    panel.stacking(new common.StackingConfigBuilder().mode(StackingMode.Normal).group("A"));
  if (options.max !== undefined) panel.max(options.max);
  if (options.decimals !== undefined) panel.decimals(options.decimals);
  return panel;
}

/** One figure in the colour of its bounds. */
export function figure(options: PanelOptions): AnyPanel {
  const panel = new stats.PanelBuilder()
    .title(options.title)
    .description(describe(options))
    .datasource(SOURCE)
    .targets(targets(options.queries, "range"))
    .unit(options.unit)
    .thresholds(thresholds(options.bounds))
    .colorMode(common.BigValueColorMode.Value)
    .graphMode(common.BigValueGraphMode.Area)
    .reduceOptions(new common.ReduceDataOptionsBuilder().calcs(["lastNotNull"]).values(false))
    .span(options.span ?? 4)
    .height(FIGURE_HEIGHT);
  if (options.min !== undefined) panel.min(options.min);
  if (options.max !== undefined) panel.max(options.max);
  if (options.decimals !== undefined) panel.decimals(options.decimals);
  return panel;
}

interface TableOptions extends PanelOptions {
  /** Labels that are columns, in this order, with their titles; each query's legend titles its own column of values. */
  readonly columns: Readonly<Record<string, string>>;
  /** Units of the queries that have another one than the panel, by legend. */
  readonly units?: Readonly<Record<string, string>>;
}

/** Rows by label, one column of values for each query, the first one's largest on top. */
export function table(options: TableOptions): AnyPanel {
  const names = Object.keys(options.columns);
  const values = options.queries.map((_, index) =>
    options.queries.length === 1 ? "Value" : `Value #${String.fromCharCode(65 + index)}`,
  );
  const legends = options.queries.map(({ legend }) => legend);
  const panel = new tables.PanelBuilder()
    .title(options.title)
    .description(describe(options))
    .datasource(SOURCE)
    .targets(targets(options.queries, "table"))
    .unit(options.unit)
    .thresholds(thresholds(options.bounds))
    .showHeader(true)
    .withTransformation({ id: "merge", options: {} })
    .withTransformation({ id: "filterFieldsByName", options: { include: { names: [...names, ...values] } } })
    .withTransformation({
      id: "organize",
      options: {
        indexByName: Object.fromEntries([...names, ...values].map((name, index) => [name, index])),
        renameByName: {
          ...options.columns,
          ...Object.fromEntries(values.map((name, index) => [name, legends[index]])),
        },
      },
    })
    .withTransformation({ id: "sortBy", options: { sort: [{ field: legends[0], desc: true }] } })
    .span(options.span ?? 12)
    .height(GRAPH_HEIGHT);
  for (const [legend, unit] of Object.entries(options.units ?? {}))
    panel.overrideByName(legend, [{ id: "unit", value: unit }]);
  return panel;
}
