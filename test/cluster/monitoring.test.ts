import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readOutputs } from "../../ops/connection-store.ts";
import { Forwarded } from "../../ops/kubernetes-connection.ts";
import { exceptionsFor } from "../../ops/monitoring/exceptions.ts";
import { dashboardVariables, panelQueries, readRules } from "../../ops/monitoring/expressions.ts";
import { liveCheck } from "../../ops/monitoring/live-check.ts";
import { startTraffic } from "../../ops/monitoring/traffic.ts";
import { throughCluster, type WayIn } from "../../ops/monitoring/way-in.ts";
import { ROOT } from "../../tools/layout.ts";
import { pulumiEnvironment } from "../../tools/stack/local-state.ts";
import { stackSettings } from "../../tools/stack/settings.ts";
import { remembers } from "../support/alerts.ts";
import { NAMESPACE, STACK } from "./cluster-stack.ts";
import { client, kubectl, pods } from "./objects.ts";

const RULES = readRules(join(ROOT, "config/prometheus/rules"));
const DASHBOARDS = join(ROOT, "dashboards/generated");

/** `<instance> <up>` of every target of a job, asked from inside the pod, where what its page asks for is. */
async function targetsOf(job: string): Promise<string[]> {
  const answer = await kubectl([
    ...["exec", "prometheus-0", "--", "promtool", "query", "instant", "--format=json"],
    ...["--http.config.file=/etc/dujyo/http-client.yml", "https://localhost:9090", `up{job="${job}"}`],
  ]);
  const found = JSON.parse(answer) as { metric: { instance: string }; value: [number, string] }[];
  return found.map(({ metric, value }) => `${metric.instance} ${value[1]}`).sort();
}

async function enter(): Promise<WayIn> {
  const outputs = await readOutputs(STACK, pulumiEnvironment(STACK));
  return throughCluster(await Forwarded.into(client, NAMESPACE), outputs);
}

describe("Prometheus on a real cluster", () => {
  it.each(["api", "haproxy", "pgbouncer"])("reads every instance of %s by itself", {
    timeout: 90_000,
  }, async (part) => {
    const expected = (await pods(part)).map(({ status }) => `${part}/${status.podIP} 1`).sort();
    await expect.poll(() => targetsOf(part), { timeout: 80_000, interval: 1_000 }).toEqual(expected);
  });

  it("reads every part, has every metric that is to be had there, leaves no panel empty, and calls nobody", {
    timeout: 480_000,
  }, async () => {
    const wayIn = await enter();
    const stop = startTraffic(wayIn);
    try {
      const { down, missing, empty, blind, firing, excused } = await liveCheck({
        prometheus: wayIn.prometheus,
        rules: RULES,
        queries: panelQueries(DASHBOARDS),
        variables: dashboardVariables(DASHBOARDS),
        exceptions: exceptionsFor(stackSettings(STACK)),
        mayFire: (name) => remembers(RULES, name),
        onProgress: (text) => console.log(`monitoring| ${text}`),
      });
      console.log(excused.map((line) => `excused ${line}`).join("\n"));
      expect({ down, missing, empty, blind, firing }).toEqual({
        ...{ down: [], missing: [], empty: [], blind: [] },
        firing: [],
      });
    } finally {
      await stop();
    }
  });

  it("knows the node that each member with a disk runs on, and how full the disk is", async () => {
    const wayIn = await enter();
    const members = (await pods())
      .map(({ metadata }) => metadata.name)
      .filter((name) => /^(postgres|redis|prometheus|alertmanager)-\d+$/.test(name));
    const hosts = await wayIn.prometheus.query("dujyo_member_host_info");
    expect(hosts.map(({ labels }) => labels.instance).sort()).toEqual(members.sort());
    expect(new Set(hosts.map(({ labels }) => labels.host))).toEqual(
      new Set((await kubectl(["get", "nodes", "--output=jsonpath={.items[*].metadata.name}"])).split(" ")),
    );
    const free = await wayIn.prometheus.query(
      "instance_device:node_filesystem_free:ratio * on (instance) group_left () dujyo_member_host_info",
    );
    expect([...new Set(free.map(({ labels }) => labels.instance))].sort()).toEqual(members.sort());
  });
});
