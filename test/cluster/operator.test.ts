import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import type { KubernetesObject } from "../../infra/policies/objects.ts";
import { ensureOperator, program } from "../../tools/cluster/programs.ts";
import { Progress } from "../../tools/setup/progress.ts";
import { writeSelfSigned } from "../support/self-signed.ts";
import { objectsOf, wholeProgram } from "../support/whole-program.ts";
import { client, kubectl } from "./objects.ts";

/** A namespace of its own, and the Prometheus in it that the operator looks after. */
const OPERATED = "dujyo-operated";
const PROMETHEUS = "one";
/** Release of the Prometheus in the stack's own images, by whose rules the operator's work is checked. */
const VERSION = "v2.53.3";

interface Monitor extends KubernetesObject {
  readonly spec: { readonly endpoints: readonly object[] };
}

/** Runs the official client in the operator's namespace. */
async function operated(args: readonly string[], input?: object): Promise<string> {
  const result = await client.kubectl(
    ["--namespace", OPERATED, ...args],
    input === undefined ? undefined : JSON.stringify(input),
    120,
  );
  if (result.code !== 0) throw new Error(`kubectl ${args.join(" ")}: ${result.stderr}`);
  return result.stdout;
}

/** Certificates and keys under these names, in place of those that the mocks have no content of: the operator reads them. */
async function certificatesFor(names: readonly string[]): Promise<Record<string, string>> {
  const folder = mkdtempSync(join(tmpdir(), "dujyo-"));
  try {
    const [key, certificate] = [join(folder, "key"), join(folder, "certificate")] as const;
    await writeSelfSigned(key, certificate, ["prometheus"]);
    const content = (name: string) => readFileSync(name.endsWith(".key") ? key : certificate, "base64");
    return Object.fromEntries(names.map((name) => [name, content(name)]));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe("a Prometheus Operator on a real cluster", () => {
  let operator: ChildProcess | undefined;
  let said = "";
  let monitors: readonly Monitor[] = [];
  let rules: readonly KubernetesObject[] = [];
  let definitions: readonly string[] = [];

  beforeAll(async () => {
    const folder = await new Progress().step("Prometheus Operator", ensureOperator);
    const files = readdirSync(folder).map((name) => `--filename=${join(folder, name)}`);
    // Larger than what a client may note on an object.
    const applied = await client.kubectl(
      ["apply", "--server-side", "--output=name", ...files],
      undefined,
      120,
    );
    definitions = applied.stdout.trim().split("\n");
    expect(definitions, applied.stderr).toHaveLength(files.length);
    await operated(["wait", "--for=condition=established", ...definitions]);
    await operated(["create", "namespace", OPERATED]);
    const environment = { ...process.env, GOMAXPROCS: "1" };
    const flags = [`--namespaces=${OPERATED}`, "--web.listen-address=127.0.0.1:0"];
    operator = spawn(program("prometheus-operator"), flags, {
      env: environment,
      stdio: ["ignore", "ignore", "pipe"],
    });
    operator.stderr?.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });

    const { registered, settings } = await wholeProgram("ci", { monitoring: { mode: "operator" } });
    const objects = objectsOf(registered).map((object) => ({
      ...object,
      metadata: { ...object.metadata, namespace: OPERATED },
    }));
    monitors = objects.filter(({ kind }) => kind === "ServiceMonitor") as Monitor[];
    rules = objects.filter(({ kind }) => kind === "PrometheusRule");
    const identities = objects.find(
      ({ kind, metadata }) => kind === "Secret" && metadata.name === "watch-files",
    );
    await operated(["create", "--filename=-"], {
      ...{ apiVersion: "v1", kind: "Secret", metadata: identities?.metadata },
      data: await certificatesFor(Object.keys((identities as unknown as { data: object }).data)),
    });
    const items = [...monitors, ...rules];
    await operated(["create", "--filename=-"], { apiVersion: "v1", kind: "List", items });
    const found = { matchLabels: settings.monitoring.operator.labels };
    await operated(["create", "--filename=-"], {
      apiVersion: "monitoring.coreos.com/v1",
      kind: "Prometheus",
      metadata: { name: PROMETHEUS, namespace: OPERATED },
      // Its configuration is all that is wanted of it.
      spec: { replicas: 0, version: VERSION, serviceMonitorSelector: found, ruleSelector: found },
    });
  }, 900_000);

  afterAll(async () => {
    operator?.kill();
    await client.kubectl(["delete", "namespace", OPERATED, "--wait=true", "--timeout=60s"], undefined, 90);
    await client.kubectl(["delete", "--wait=false", ...definitions], undefined, 90);
  }, 180_000);

  it("finds each part in the schemas of its kinds, which take no other", async () => {
    expect(monitors.length).toBeGreaterThan(5);
    expect(rules.length).toBeGreaterThan(5);
    const [monitor] = monitors;
    const broken = {
      ...monitor,
      metadata: { ...monitor?.metadata, name: "broken" },
      spec: { ...monitor?.spec, endpoints: [{ port: "figures", interval: "15 seconds" }] },
    };
    await expect(operated(["create", "--filename=-"], broken)).rejects.toThrow(/interval.*should match/);
  });

  it("makes every monitor's targets and every rule part of its Prometheus's configuration", async () => {
    const configuration = async () => {
      const path = "--output=jsonpath={.data.prometheus\\.yaml\\.gz}";
      const packed = await operated(["get", "secret", `prometheus-${PROMETHEUS}`, path]).catch(() => "");
      return packed === "" ? "" : gunzipSync(Buffer.from(packed, "base64")).toString();
    };
    const expected = monitors
      .flatMap(({ metadata, spec }) =>
        spec.endpoints.map((_, index) => `serviceMonitor/${OPERATED}/${metadata.name}/${index}`),
      )
      .sort();
    const jobs = async () => {
      const made = (parse(await configuration()) ?? {}) as { scrape_configs?: { job_name: string }[] };
      return (made.scrape_configs ?? []).map(({ job_name }) => job_name).sort();
    };
    await expect.poll(jobs, { timeout: 90_000, interval: 1_000, message: said }).toEqual(expected);
    const ruleFiles = async () => {
      const maps = JSON.parse(await operated(["get", "configmaps", "--output=json"])) as {
        items: { metadata: { name: string }; data?: Record<string, string> }[];
      };
      const own = maps.items.filter(({ metadata }) =>
        metadata.name.startsWith(`prometheus-${PROMETHEUS}-rulefiles`),
      );
      return own.flatMap(({ data }) => Object.keys(data ?? {})).length;
    };
    await expect.poll(ruleFiles, { timeout: 30_000, interval: 1_000 }).toBe(rules.length);
    expect(said.split("\n").filter((line) => /skipping|level=error/.test(line))).toEqual([]);

    // What it has made is what Prometheus takes.
    const check = ["promtool", "check", "config", "--syntax-only", "/dev/stdin"];
    const args = ["exec", "--stdin", "prometheus-0", "--container=prometheus", "--", ...check];
    expect(await kubectl(args, await configuration())).toContain("is valid prometheus config file syntax");
  });
});
