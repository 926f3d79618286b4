import { LineChart } from "echarts/charts";
import { GridComponent, LegendComponent, MarkLineComponent, TooltipComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import { formatValue, unitTitle } from "../../dashboards/units.ts";
import type { Plot } from "./plots.ts";

/** Runs in the browser, bundled into the page: draws each plot into the figure of the same number. */
use([LineChart, GridComponent, LegendComponent, MarkLineComponent, TooltipComponent, SVGRenderer]);

/** Readable on a light and on a dark ground. */
const COLOURS = ["#3b82f6", "#d97706", "#0d9488", "#a855f7", "#db2777", "#65a30d", "#0891b2", "#dc2626"];
const GREY = "#808892";

// biome-ignore lint/suspicious/noExplicitAny: the browser's global object, which the compiler's libraries leave out.
const page = (globalThis as any).document;
const plots = JSON.parse(page.getElementById("data").textContent) as Plot[];

/** All plots show the same time, from the first value of any of them. */
const times = plots.flatMap(({ series }) =>
  series.flatMap(({ points }) => points.map(([time]) => time * 1_000)),
);
const from = times.reduce((least, time) => Math.min(least, time), Number.POSITIVE_INFINITY);
const to = times.reduce((most, time) => Math.max(most, time), 0);

for (const [index, plot] of plots.entries()) {
  const place = page.getElementById(`plot-${index}`);
  if (!place) continue;
  const format = (value: number) => formatValue(value, plot.unit);
  const chart = init(place, undefined, { renderer: "svg" });
  chart.setOption({
    animation: false,
    color: COLOURS,
    textStyle: { color: GREY },
    grid: { left: 76, right: 16, top: 28, bottom: 74 },
    legend: { bottom: 0, type: "plain", textStyle: { color: GREY }, icon: "roundRect", itemHeight: 4 },
    tooltip: {
      trigger: "axis",
      valueFormatter: (value: unknown) => (typeof value === "number" ? format(value) : "-"),
    },
    xAxis: {
      type: "time",
      min: from,
      max: to,
      name: "time of day",
      nameLocation: "middle",
      nameGap: 26,
      axisLine: { lineStyle: { color: GREY } },
      axisLabel: { hideOverlap: true, color: GREY },
      splitLine: { show: false },
    },
    yAxis: {
      type: "value",
      min: 0,
      name: unitTitle(plot.unit),
      nameLocation: "end",
      nameTextStyle: { align: "left", padding: [0, 0, 0, -60] },
      axisLabel: { formatter: format, color: GREY },
      splitLine: { lineStyle: { color: GREY, opacity: 0.2 } },
    },
    series: plot.series.map(({ name, points }, at) => ({
      name,
      type: "line",
      showSymbol: false,
      lineStyle: { width: 1.5 },
      data: points.map(([time, value]) => [time * 1_000, Number.isFinite(value) ? value : null]),
      ...(at === 0 && {
        markLine: {
          silent: true,
          symbol: "none",
          label: { show: false },
          data: plot.bounds.map(({ at: bound, colour }) => ({
            yAxis: bound,
            lineStyle: { color: colour, type: "dashed" as const },
          })),
        },
      }),
    })),
  });
  page.defaultView.addEventListener("resize", () => chart.resize());
}
