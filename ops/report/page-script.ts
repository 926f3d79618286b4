import { LineChart } from "echarts/charts";
import { GridComponent, LegendComponent, MarkLineComponent, TooltipComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import { formatValue, unitTitle } from "../../dashboards/units.ts";
import { axisOf } from "./axis.ts";
import { LEVEL_COLOURS, LEVEL_NAMES } from "./levels.ts";
import type { Plot } from "./plots.ts";

/** Runs in the browser, bundled into the page: draws each plot into the figure of the same number. */
use([LineChart, GridComponent, LegendComponent, MarkLineComponent, TooltipComponent, SVGRenderer]);

/** Readable on a light and on a dark ground; none of them is a level's. */
const COLOURS = ["#3b82f6", "#0d9488", "#a855f7", "#64748b", "#db2777", "#65a30d", "#0891b2", "#92644a"];
const GREY = "#808892";
/** Share of the axis within which the names of two bounds would cover one another. */
const CLOSE = 0.1;

// biome-ignore lint/suspicious/noExplicitAny: the browser's global object, which the compiler's libraries leave out.
const page = (globalThis as any).document;
const plots = JSON.parse(page.getElementById("data").textContent) as Plot[];

type Points = Plot["series"][number]["points"];

/** All plots over time show the same time, from the first value of any of them. */
const times = plots
  .filter(({ over }) => over !== "rounds")
  .flatMap(({ series }) => series.flatMap(({ points }) => points.map(([time]) => time * 1_000)));
const from = times.reduce((least, time) => Math.min(least, time), Number.POSITIVE_INFINITY);
const to = times.reduce((most, time) => Math.max(most, time), 0);

/** A series that began later than others, as the library needs it to put it on top of them: point by point. */
function atAll(moments: readonly number[], points: Points): Points {
  const values = new Map(points);
  return moments.map((time) => [time, values.get(time) ?? 0] as const);
}

for (const [index, plot] of plots.entries()) {
  const place = page.getElementById(`plot-${index}`);
  if (!place) continue;
  const format = (value: number) => formatValue(value, plot.unit);
  const rounds = plot.over === "rounds";
  const { top, drawn } = axisOf(plot);
  const moments = [...new Set(plot.series.flatMap(({ points }) => points.map(([time]) => time)))].sort(
    (a, b) => a - b,
  );
  const near = (a: number, b: number) => a < b && b - a < CLOSE * (top ?? Number.POSITIVE_INFINITY);
  const last = new Map(
    plot.series.map(({ name, points }) => [
      name,
      points.findLast(([, value]) => Number.isFinite(value))?.[1],
    ]),
  );
  const chart = init(place, undefined, { renderer: "svg" });
  chart.setOption({
    animation: false,
    useUTC: true,
    color: COLOURS,
    textStyle: { color: GREY, fontFamily: "system-ui, sans-serif" },
    grid: { left: 76, right: 16, top: 34, bottom: 74 },
    legend: {
      bottom: 0,
      type: "scroll",
      textStyle: { color: GREY },
      icon: "roundRect",
      itemHeight: 4,
      formatter: (name: string) => `${name}  ${format(last.get(name) ?? 0)}`,
    },
    tooltip: {
      trigger: "axis",
      order: "valueDesc",
      valueFormatter: (value: unknown) => (typeof value === "number" ? format(value) : "-"),
    },
    xAxis: {
      ...(rounds
        ? { type: "value", min: 1, minInterval: 1, name: "round" }
        : { type: "time", min: from, max: to, name: "time (UTC)" }),
      nameLocation: "middle",
      nameGap: 26,
      axisLine: { lineStyle: { color: GREY } },
      axisLabel: { hideOverlap: true, color: GREY },
      splitLine: { show: false },
    },
    yAxis: {
      type: "value",
      min: 0,
      max: top,
      name: unitTitle(plot.unit),
      nameLocation: "end",
      nameTextStyle: { align: "left", padding: [0, 0, 0, -60] },
      axisLabel: { formatter: format, color: GREY, showMaxLabel: plot.max !== undefined },
      splitLine: { lineStyle: { color: GREY, opacity: 0.2 } },
    },
    series: plot.series.map(({ name, points }, at) => ({
      name,
      type: "line",
      showSymbol: false,
      lineStyle: { width: 1.5 },
      ...(plot.stacked && { stack: "all", areaStyle: { opacity: 0.25 } }),
      data: (plot.stacked ? atAll(moments, points) : points).map(([time, value]) => [
        rounds ? time : time * 1_000,
        Number.isFinite(value) ? value : null,
      ]),
      ...(at === 0 && {
        markLine: {
          silent: true,
          symbol: "none",
          // The library's own choice, 2 digits, draws a goal of 0.1 % at 0.
          precision: 12,
          data: drawn.map(({ at: bound, level }) => ({
            yAxis: bound,
            lineStyle: { color: LEVEL_COLOURS[level], type: "dashed" as const },
            label: {
              position: drawn.some(({ at }) => near(bound, at))
                ? ("insideEndBottom" as const)
                : ("insideEndTop" as const),
              color: LEVEL_COLOURS[level],
              fontSize: 11,
              formatter: `${LEVEL_NAMES[level]} ${format(bound)}`,
            },
          })),
        },
      }),
    })),
  });
  page.defaultView.addEventListener("resize", () => chart.resize());
}
