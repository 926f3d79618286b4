import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { axisOf } from "../../ops/report/axis.ts";
import { objective } from "../../ops/report/figures.ts";
import { forecast, slope } from "../../ops/report/forecast.ts";
import { formatDays, formatReport, monitoredTables } from "../../ops/report/monthly.ts";
import { renderPage } from "../../ops/report/page.ts";
import type { Plot } from "../../ops/report/plots.ts";
import { parseStatements, unusedEverywhere } from "../../ops/report/sql-tables.ts";
import { ROOT } from "../../tools/layout.ts";

describe("the report's SQL", () => {
  const statements = parseStatements(readFileSync(join(ROOT, "ops/sql/performance-report.sql"), "utf8"));

  it("is parted into single statements, each with its remark", () => {
    expect(statements.length).toBeGreaterThan(8);
    for (const { text, description } of statements) {
      expect(text).toMatch(/^(SELECT|WITH)\b/);
      expect(text.match(/;/g)).toEqual([";"]);
      expect(description).not.toBe("");
    }
    expect(statements[0]?.description).toBe(
      "How far back the counters reach, and how long this member has been up.",
    );
  });

  it("names an index unused only if no member uses it", () => {
    const table = (...names: string[]) => ({
      title: "index without a scan",
      description: "",
      columns: ["index without a scan", "table"],
      rows: names.map((name) => [name, "t"]),
    });
    const both = unusedEverywhere(table("a", "b"), [table("b", "c"), table("b")]);
    expect(both.rows).toEqual([["b", "t"]]);
    expect(both.description).toContain("on 3 of 3 members");
    expect(unusedEverywhere(table("a"), [undefined]).description).toContain("1 members did not answer");
  });
});

describe("a forecast", () => {
  const day = 86_400;
  const line = (perDay: number, start = 100) =>
    Array.from({ length: 11 }, (_, index) => [index * day, start + index * perDay] as const);

  it("goes on with the line that fits best", () => {
    expect(slope(line(10)) * day).toBeCloseTo(10);
    expect(forecast("disk", "bytes", line(10), 300)).toMatchObject({ now: 200, basis_days: 10 });
    expect(forecast("disk", "bytes", line(10), 300)?.days_left).toBeCloseTo(10);
  });

  it.each([
    ["falls", line(-5), 300, null],
    ["stays", line(0), 300, null],
    ["is there already", line(10), 200, 0],
    ["is far away", line(0.001), 300, null],
  ])("where it %s", (_, points, limit, left) => {
    expect(forecast("disk", "bytes", points, limit)?.days_left).toBe(left);
  });

  it("is none without values, and flat with one", () => {
    expect(forecast("disk", "bytes", [[1, Number.NaN]], 3)).toBeUndefined();
    expect(forecast("disk", "bytes", [[1, 2]], 3)).toMatchObject({
      per_day: 0,
      days_left: null,
      basis_days: 0,
    });
  });
});

describe("the axis of a plot", () => {
  const plot = (values: readonly number[], more: Partial<Plot> = {}): Plot => ({
    title: "t",
    description: "d",
    unit: "s",
    stacked: false,
    bounds: [
      { at: 1, level: "page" },
      { at: 0.1, level: "goal" },
    ],
    series: values.map((value, at) => ({
      name: String(at),
      points: [[0, value / 2] as const, [1, value] as const],
    })),
    ...more,
  });
  const at = (bounds: Plot["bounds"]) => bounds.map((bound) => bound.at);

  it.each([
    ["has the bounds that are near", [0.05], 0.105, [0.1], [1]],
    ["leaves those out that are far above", [0.001], undefined, [], [0.1, 1]],
    ["ends where the values do, if they are beyond the bounds", [3], undefined, [0.1, 1], []],
    ["shows the first bound where nothing happened", [0], 0.105, [0.1], [1]],
  ])("%s", (_, values, top, drawn, above) => {
    const axis = axisOf(plot(values));
    expect(axis.top === undefined ? undefined : Number(axis.top.toFixed(6))).toBe(top);
    expect([at(axis.drawn), at(axis.above)]).toEqual([drawn, above]);
  });

  it("counts what stands on top of each other", () => {
    expect(at(axisOf(plot([0.1, 0.2], { stacked: true })).drawn)).toEqual([0.1, 1]);
    expect(at(axisOf(plot([0.1, 0.2])).drawn)).toEqual([0.1]);
  });

  it("ends where the panel says", () => {
    expect(axisOf(plot([0.01], { max: 1 }))).toMatchObject({ top: 1, above: [] });
  });
});

describe("the report", () => {
  const monitored = {
    seconds: 5 * 86_400,
    objectives: [
      objective("answers that are no 5xx", 0.999, 0.998),
      objective("answers within 200 ms", 0.99, null),
    ],
    figures: [{ name: "look-ups", unit: "percentunit", value: 0.9, goal: 0.85, atLeast: true }],
    forecasts: [
      {
        name: "disk",
        unit: "bytes",
        now: 1024,
        limit: 4096,
        per_day: -512,
        days_left: null,
        basis_days: 0.5,
      },
    ],
  };

  it("tells objectives by what of their budget is spent", () => {
    expect(monitored.objectives[0]?.budget_spent).toBeCloseTo(2);
    const [objectives, figures, growth] = monitoredTables(monitored);
    expect(objectives?.rows).toEqual([
      ["answers that are no 5xx", "99.9 %", "99.8 %", "200 %", "MISSED"],
      ["answers within 200 ms", "99 %", "-", "-", "no requests"],
    ]);
    expect(figures?.rows).toEqual([["look-ups", "90 %", ">= 85 %"]]);
    expect(growth?.rows).toEqual([["disk", "1 KiB", "4 KiB", "-512 B", "not in 10 years", "12 h"]]);
  });

  it("says what is missing", () => {
    const table = { title: "t", description: "About t.", columns: ["t"], rows: [] };
    const text = formatReport({
      stack: "dev",
      made: "2026-01-02T03:04:05.000Z",
      days: 30,
      database: [table],
      monitored: null,
      unmonitored: "The monitoring is off.",
    });
    expect(text).toBe(
      'Performance report of the stack "dev", 2026-01-02 03:04 UTC.\n\nThe monitoring is off.\n\nAbout t.\n\n  none',
    );
  });

  it("is a page on which a statement's text is no markup", async () => {
    const rows = [["SELECT 1 <b>", "1"]];
    const page = await renderPage({
      stack: "dev",
      title: "Report",
      plots: [],
      period: "5 days up to",
      tables: [{ title: "statements", description: "About.", columns: ["a", "b"], rows }],
    });
    expect(page).toContain("<td>SELECT 1 &lt;b></td><td>1</td>");
    expect(page).toContain("Stack dev, 5 days up to 20");
  });

  it.each([
    [3.456, "3.46 days"],
    [0.5, "12 h"],
    [0.01, "14 min"],
  ])("writes %d days as %s", (days, text) => {
    expect(formatDays(days)).toBe(text);
  });
});
