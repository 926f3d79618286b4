import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Dashboard, Panel, RowPanel } from "@grafana/grafana-foundation-sdk/dashboard";
import { Ajv, type ValidateFunction } from "ajv";
import { createGenerator } from "ts-json-schema-generator";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { builtFor, colourSteps, fires, goal } from "../../dashboards/bounds.ts";
import { uidOf } from "../../dashboards/dashboard.ts";
import { DASHBOARDS, toJson } from "../../dashboards/index.ts";
import { UNITS } from "../../dashboards/units.ts";
import { ROOT } from "../../tools/layout.ts";

const FOLDER = join(ROOT, "dashboards/generated");
const SDK = join(ROOT, "node_modules/@grafana/grafana-foundation-sdk/dist");

const compiled = new Map<string, ValidateFunction>();

/** A strict JSON schema of one of the types that Grafana's own schemas are published as. */
function schemaOf(module: string, type: string): ValidateFunction {
  const known = compiled.get(`${module}.${type}`) ?? compile(module, type);
  compiled.set(`${module}.${type}`, known);
  return known;
}

function compile(module: string, type: string): ValidateFunction {
  const schema = createGenerator({
    path: join(SDK, module, "types.gen.d.ts"),
    type,
    skipTypeCheck: true,
    additionalProperties: false,
    tsconfig: join(ROOT, "tsconfig.json"),
  }).createSchema(type);
  return new Ajv({ strict: false }).compile(schema);
}

const panels: Panel[] = DASHBOARDS.flatMap(({ panels: top = [] }) =>
  top.flatMap((panel) => (panel.type === "row" ? ((panel as RowPanel).panels ?? []) : [panel as Panel])),
);

/** As Grafana reads them: without the builders' undefined properties. */
const plain = <T>(value: T): unknown => JSON.parse(JSON.stringify(value));

/** The schema of a dashboard leaves queries to their data source, whose schema is asked apart. */
const withoutQueries = (dashboard: Dashboard): unknown =>
  JSON.parse(JSON.stringify(dashboard, (key, value) => (key === "targets" ? [] : value)));

describe("dashboards", { timeout: 90_000 }, () => {
  it("are committed as the code makes them", () => {
    const files = Object.fromEntries(
      readdirSync(FOLDER).map((name) => [name, readFileSync(join(FOLDER, name), "utf8")]),
    );
    const made = Object.fromEntries(
      DASHBOARDS.map((dashboard) => [`${dashboard.uid}.json`, toJson(dashboard)]),
    );
    expect(Object.keys(files).sort()).toEqual(Object.keys(made).sort());
    for (const [name, text] of Object.entries(made))
      expect(files[name] === text, `${name} differs from the code: run "npm run dashboards"`).toBe(true);
  });

  it("fit Grafana's schema of a dashboard", () => {
    const validate = schemaOf("dashboard", "Dashboard");
    for (const dashboard of DASHBOARDS)
      expect(
        validate(withoutQueries(dashboard)),
        `${dashboard.uid}: ${JSON.stringify(validate.errors?.slice(0, 3))}`,
      ).toBe(true);
  });

  it.each(["timeseries", "stat", "table"])("fit Grafana's schema of the options of a %s panel", (kind) => {
    const validate = schemaOf(kind, "Options");
    const ofKind = panels.filter(({ type }) => type === kind);
    expect(ofKind.length).toBeGreaterThan(0);
    for (const { title, options } of ofKind)
      expect(validate(plain(options ?? {})), `${title}: ${JSON.stringify(validate.errors)}`).toBe(true);
  });

  it("fit Grafana's schema of the fields of a timeseries panel and of a Prometheus query", () => {
    const fields = schemaOf("timeseries", "FieldConfig");
    const query = schemaOf("prometheus", "Dataquery");
    for (const { title, type, fieldConfig, targets = [] } of panels) {
      if (type === "timeseries")
        expect(
          fields(plain(fieldConfig?.defaults.custom)),
          `${title}: ${JSON.stringify(fields.errors)}`,
        ).toBe(true);
      for (const target of targets)
        expect(query(plain(target)), `${title}: ${JSON.stringify(query.errors)}`).toBe(true);
    }
  });

  it("refuse what the schema does not know", () => {
    const validate = schemaOf("dashboard", "Dashboard");
    const [dashboard] = DASHBOARDS;
    if (!dashboard) throw new Error("there are no dashboards");
    expect(validate({ ...(withoutQueries(dashboard) as object), surprise: 1 })).toBe(false);
  });

  it("have uids of their own and links that lead to one another", () => {
    const uids = DASHBOARDS.map(({ uid }) => uid);
    expect(new Set(uids).size).toBe(uids.length);
    expect(uids).toContain(uidOf("overview"));
    for (const { uid, links = [] } of DASHBOARDS)
      expect(links.map(({ url }) => url?.replace("/d/", "")).sort()).toEqual(
        uids.filter((other) => other !== uid).sort(),
      );
  });

  it("say in every panel what it is, why one looks, and in which unit", () => {
    expect(panels.length).toBeGreaterThan(80);
    for (const { title, description, fieldConfig, targets = [] } of panels) {
      expect(title).toBeTruthy();
      expect(description?.length, `description of ${title}`).toBeGreaterThan(15);
      expect(UNITS, `unit of ${title}`).toContain(fieldConfig?.defaults.unit);
      expect(targets.length, `queries of ${title}`).toBeGreaterThan(0);
    }
  });

  it("name each panel of a dashboard differently", () => {
    for (const { uid, panels: top = [] } of DASHBOARDS) {
      const titles = top.flatMap((panel) => ("panels" in panel ? [] : [panel.title]));
      expect(
        titles.filter((title, index) => titles.indexOf(title) !== index),
        uid,
      ).toEqual([]);
    }
  });
});

interface RuleJson {
  readonly alert?: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
}

const RULES_FOLDER = join(ROOT, "config/prometheus/rules");
const rules = new Map(
  readdirSync(RULES_FOLDER).flatMap((file) =>
    (
      parse(readFileSync(join(RULES_FOLDER, file), "utf8")) as { groups: { rules: RuleJson[] }[] }
    ).groups.flatMap((group) => group.rules.map((rule) => [rule.alert, rule] as const)),
  ),
);

/** The number that a rule compares with, read in another way than the dashboards read it. */
function numberOf(expression: string, when: string): number {
  const operator = { beyond: ">", below: "<", at: "==" }[when];
  // A divisor that is left out at 0 is no bound.
  const text = String(expression).replaceAll(" > 0)", ")");
  const [, number = ""] = new RegExp(`${operator} ([\\d.e+* ]+)`).exec(text) ?? [];
  return number.split("*").reduce((result, factor) => result * Number(factor), 1);
}

const stepsOf = (panel: Panel) =>
  (panel.fieldConfig?.defaults.thresholds?.steps ?? []).map(({ value }) => value);

const drawn = panels.flatMap((panel) =>
  [...(panel.description ?? "").matchAll(/(\w+) \((\w+)\) fires (beyond|below|at) /g)].map(
    ([, alert = "", severity = "", when = ""]) => ({
      panel,
      title: panel.title ?? "",
      alert,
      severity,
      when,
    }),
  ),
);

describe("bounds that are drawn", () => {
  it("are those of the alerts that the panel names", () => {
    for (const { panel, title, alert, severity, when } of drawn) {
      const rule = rules.get(alert);
      if (!rule) throw new Error(`${title}: there is no alert ${alert}`);
      expect(severity, `${title}: ${alert}`).toBe(rule.labels.severity);
      const number = numberOf(rule.expr, when);
      const share = { ApiErrorBudget: 0.001, ApiLatencyBudget: 0.01 };
      const [, allowed = 1] = Object.entries(share).find(([name]) => alert.startsWith(name)) ?? [];
      const at = Number((number / allowed).toPrecision(12));
      // Of whole numbers the first beyond is the next one; what fires at 0 is below 1.
      const possible = when === "at" ? [at + 1] : when === "beyond" ? [at, at + 1] : [at];
      expect(
        stepsOf(panel).some((step) => possible.includes(step as number)),
        `${title} draws ${stepsOf(panel)}, ${alert} fires ${when} ${at}`,
      ).toBe(true);
    }
  });

  it("are there for the specification's alerts and for both objectives", () => {
    const named = new Set(drawn.map(({ alert }) => alert));
    expect(named.size).toBeGreaterThan(50);
    for (const alert of [
      ...["ApiResponseSlow", "CacheHitsLow", "ApiErrorsHigh", "PostgresConnectionsHigh", "PgBouncerPoolBusy"],
      ...["PostgresSlowStatements", "ApiErrorBudgetBurnsFast", "ApiLatencyBudgetBurnsFast"],
    ])
      expect(named).toContain(alert);
  });

  it("hold the specification's goals on the overview", () => {
    const steps = (title: string) => {
      const panel = panels.find((one) => one.title === title);
      if (!panel) throw new Error(`there is no panel ${title}`);
      return stepsOf(panel);
    };
    expect(steps("Response time")).toEqual([null, 0.05, 0.1, 0.2, 1]);
    expect(steps("Requests")).toEqual([null, 10_000]);
    expect(steps("Database queries")).toEqual([null, 5_000]);
    expect(steps("Cache operations")).toEqual([null, 50_000]);
    expect(steps("Cache hits")).toEqual([null, 0.8, 0.85]);
    expect(steps("Errors")).toEqual([null, 0.001, 0.05]);
    expect(steps("Database load spared")).toEqual([null, 0.7]);
    expect(steps("Balance and history")).toEqual([null, 0.01, 0.05]);
    expect(steps("Within 200 ms over 30 days")).toEqual([null, 0.99]);
    expect(steps("Availability over 30 days")).toEqual([null, 0.999]);
  });

  it("colour both sides of what has to be exactly one", () => {
    const bounds = [fires("PatroniNoLeader"), fires("PatroniTwoLeaders", { whole: true })];
    expect(colourSteps(bounds)).toEqual([
      { value: null, color: "red" },
      { value: 1, color: "green" },
      { value: 2, color: "red" },
    ]);
  });

  it("show the worst of several", () => {
    expect(colourSteps([goal(0.85, { below: true }), fires("CacheHitsLow")])).toEqual([
      { value: null, color: "orange" },
      { value: 0.8, color: "yellow" },
      { value: 0.85, color: "green" },
    ]);
    expect(colourSteps([builtFor(10)])[1]).toEqual({ value: 10, color: "blue" });
  });

  it("can not be those of an alert that is not there, or that compares with no number", () => {
    expect(() => fires("NoSuchAlert")).toThrow('has no alert "NoSuchAlert"');
    expect(() => fires("Watchdog")).toThrow("does not compare with a number: vector(1)");
  });
});
