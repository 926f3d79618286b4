import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Dashboard, Panel, RowPanel } from "@grafana/grafana-foundation-sdk/dashboard";
import { Ajv, type ValidateFunction } from "ajv";
import { createGenerator } from "ts-json-schema-generator";
import { describe, expect, it } from "vitest";
import { uidOf } from "../../dashboards/dashboard.ts";
import { DASHBOARDS, toJson } from "../../dashboards/index.ts";
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
      expect(fieldConfig?.defaults.unit, `unit of ${title}`).toBeTruthy();
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
