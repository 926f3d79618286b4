import { join } from "node:path";
import { describe, expect, inject, it } from "vitest";
import { monitoringAddresses } from "../../ops/monitoring/addresses.ts";
import { drill } from "../../ops/monitoring/drill.ts";
import { exceptionsFor } from "../../ops/monitoring/exceptions.ts";
import { dashboardVariables, panelQueries, readRules } from "../../ops/monitoring/expressions.ts";
import { liveCheck } from "../../ops/monitoring/live-check.ts";
import { Prometheus } from "../../ops/monitoring/prometheus.ts";
import { startTraffic } from "../../ops/monitoring/traffic.ts";
import { ROOT } from "../../tools/layout.ts";
import { stackSettings } from "../../tools/stack/settings.ts";
import { sessionOptions } from "../support/clients.ts";
import { whole } from "../support/faults.ts";
import { STACK } from "../support/stack-settings.ts";

const SERIES_AT_MOST = 500;
const SCRAPE_MS_AT_MOST = 10;

describe("monitoring of the running stack", () => {
  it("reads every part, has every metric, and leaves no panel empty", { timeout: 420_000 }, async () => {
    const addresses = monitoringAddresses(STACK);
    const stop = startTraffic(addresses.api, sessionOptions(inject("connection").writer, "monitoring"));
    try {
      const { down, missing, empty, blind, targets, queries } = await liveCheck({
        prometheus: new Prometheus(addresses.prometheus),
        rules: readRules(join(ROOT, "config/prometheus/rules")),
        queries: panelQueries(join(ROOT, "dashboards/generated")),
        variables: dashboardVariables(join(ROOT, "dashboards/generated")),
        exceptions: exceptionsFor(stackSettings(STACK)),
        onProgress: (text) => console.log(`monitoring| ${text}`),
      });
      expect({ down, missing, empty, blind }).toEqual({ down: [], missing: [], empty: [], blind: [] });
      expect(targets).toBeGreaterThan(10);
      expect(queries).toBeGreaterThan(100);
    } finally {
      await stop();
    }
  });

  it("tells a receiver of a dead primary, and of its return", { timeout: 300_000 }, async () => {
    // It throws, with the timeline so far, where the alert does not get that far.
    await drill({
      name: "primary",
      stack: STACK,
      addresses: monitoringAddresses(STACK),
      onEvent: (text) => console.log(`drill| ${text}`),
    });
    await whole(3);
  });

  it("costs the API little: few series, answered quickly", async () => {
    const { api } = monitoringAddresses(STACK);
    const took: number[] = [];
    let text = "";
    for (let round = 0; round < 31; round++) {
      const started = performance.now();
      text = await (await fetch(`${api}/metrics`, { headers: { accept: "text/plain" } })).text();
      took.push(performance.now() - started);
    }
    const series = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    expect(series.length).toBeGreaterThan(50);
    expect(series.length).toBeLessThanOrEqual(SERIES_AT_MOST);
    expect(took.sort((a, b) => a - b)[15]).toBeLessThanOrEqual(SCRAPE_MS_AT_MOST);
  });
});
