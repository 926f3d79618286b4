import { beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { violations } from "../../infra/policies/index.ts";
import { type KubernetesObject, matches, podMakers } from "../../infra/policies/objects.ts";
import { type End, type NetworkPolicy, reaches } from "../../infra/policies/reachability.ts";
import { parseSettings } from "../../infra/settings/parse.ts";
import type { Settings } from "../../infra/settings/schema.ts";
import type { StackOutputs } from "../../infra/stack-outputs.ts";
import type { RuleFile } from "../../infra/target.ts";
import { plain, type Registered } from "../support/mocks.ts";
import { objectsOf, wholeProgram } from "../support/whole-program.ts";

type Labels = Readonly<Record<string, string>>;

interface SecretKey {
  readonly name: string;
  readonly key: string;
}

interface Relabeling {
  readonly sourceLabels?: readonly string[];
  readonly targetLabel?: string;
  readonly replacement?: string;
  readonly action?: string;
  readonly regex?: string;
}

interface Endpoint {
  readonly port: string;
  readonly interval: string;
  readonly scrapeTimeout: string;
  readonly scheme: string;
  readonly path?: string;
  readonly params?: Readonly<Record<string, readonly string[]>>;
  readonly honorLabels?: boolean;
  readonly tlsConfig?: {
    readonly ca: { readonly secret: SecretKey };
    readonly cert?: { readonly secret: SecretKey };
    readonly keySecret?: SecretKey;
    readonly serverName: string;
    readonly minVersion: string;
  };
  readonly relabelings: readonly Relabeling[];
  readonly metricRelabelings?: readonly Relabeling[];
}

interface ServiceMonitor extends KubernetesObject {
  readonly spec: Readonly<Record<string, unknown>> & {
    readonly selector: { readonly matchLabels: Labels };
    readonly endpoints: readonly Endpoint[];
  };
}

interface Service extends KubernetesObject {
  readonly spec: Readonly<Record<string, unknown>> & {
    readonly selector: Labels;
    readonly ports?: readonly { readonly name: string; readonly port: number }[];
  };
}

const NAMESPACE = "watching";
const LABELS = { release: "stack", team: "data" };

interface Program {
  readonly settings: Settings;
  readonly registered: readonly Registered[];
  readonly outputs: StackOutputs;
  readonly objects: readonly KubernetesObject[];
}

async function program(monitoring: Record<string, unknown>): Promise<Program> {
  const made = await wholeProgram("staging", { monitoring });
  return { ...made, objects: objectsOf(made.registered) };
}

let handedOver: Program;
let bundled: Program;
const ofKind = <T extends KubernetesObject>(kind: string) =>
  handedOver.objects.filter((object) => object.kind === kind) as T[];

// The whole program is evaluated twice, which takes seconds on a busy machine.
beforeAll(async () => {
  handedOver = await program({ mode: "operator", operator: { namespace: NAMESPACE, labels: LABELS } });
  bundled = await program({});
}, 120_000);

/** The Service that a monitor finds its targets by; its names and ports have to be the only ones. */
function sourceOf({ spec }: ServiceMonitor): Service {
  const found = ofKind<Service>("Service").filter(({ metadata }) =>
    matches(metadata.labels ?? {}, spec.selector.matchLabels),
  );
  expect(found).toHaveLength(1);
  return found[0] as Service;
}

const replaced = ({ relabelings }: Endpoint, label: string) =>
  relabelings.find(({ targetLabel }) => targetLabel === label);

interface Reading {
  readonly job: unknown;
  readonly instance: string | undefined;
  readonly scheme: unknown;
  readonly path: unknown;
  readonly parameters: unknown;
  readonly honour: unknown;
  readonly series: unknown;
}

/** What is read by the stack's own Prometheus. */
function bundledReadings(): Reading[] {
  const secret = bundled.registered.find(({ name }) => name === "prometheus-files");
  const { data } = plain(secret?.inputs) as { data: Record<string, string> };
  const { scrape_configs: configs } = parse(Buffer.from(data["prometheus.yml"] ?? "", "base64").toString());
  return configs.flatMap((config: Record<string, unknown>) => {
    const statics = (config.static_configs ?? [{}]) as { labels?: Record<string, string> }[];
    return statics.map(({ labels }) => ({
      job: config.job_name,
      instance: labels?.instance ?? (config.relabel_configs as { replacement: string }[])[0]?.replacement,
      scheme: config.scheme,
      path: config.metrics_path,
      parameters: {
        ...(config.params as object | undefined),
        ...(labels?.__param_target ? { target: [labels.__param_target] } : {}),
      },
      honour: config.honor_labels ?? false,
      series: (config.metric_relabel_configs as Record<string, unknown>[]).map(
        ({ source_labels, ...step }) => ({
          ...(source_labels ? { sourceLabels: source_labels } : {}),
          ...step,
        }),
      ),
    }));
  });
}

describe("the settings of a monitoring that the cluster has", () => {
  it.each([
    ["docker", {}, /monitoring\.mode is operator on docker.*target kubernetes/],
    ["kubernetes", { heartbeat: true }, /monitoring\.heartbeat is true/],
    ["kubernetes", { receivers: [{ name: "oncall", type: "slack" }] }, /monitoring\.receivers names oncall/],
    ["kubernetes", { operator: { namespace: "Not a name" } }, /monitoring\.operator\.namespace/],
    ["kubernetes", { operator: { labels: { release: "not a label" } } }, /monitoring\.operator\.labels/],
  ])("on %s with %j are refused", (target, more, message) => {
    const secret = "https://hooks.invalid/x";
    const receiverSecrets = { oncall: secret, heartbeat: secret };
    const given = { target, monitoring: { mode: "operator", ...more }, receiverSecrets };
    expect(() => parseSettings("dev", given)).toThrow(message);
  });
});

describe("a monitoring that the cluster has", () => {
  it("takes the place of the stack's own, whose exporters go on", () => {
    const parts = (of: Program) => podMakers(of.objects).map(({ at }) => at);
    const own = parts(bundled).filter((part) => !parts(handedOver).includes(part));
    expect(own.sort()).toEqual(["StatefulSet alertmanager", "StatefulSet grafana", "StatefulSet prometheus"]);
    expect(parts(handedOver).filter((part) => !parts(bundled).includes(part))).toEqual([]);
    expect(handedOver.outputs.pages).toEqual([]);
  });

  it("reads what the stack's own reads but for itself, under the same names", () => {
    const readings: Reading[] = ofKind<ServiceMonitor>("ServiceMonitor").flatMap(({ spec }) =>
      spec.endpoints.map((endpoint) => ({
        job: replaced(endpoint, "job")?.replacement,
        instance: replaced(endpoint, "instance")?.replacement,
        scheme: endpoint.scheme,
        path: endpoint.path,
        parameters: endpoint.params ?? {},
        honour: endpoint.honorLabels ?? false,
        series: endpoint.metricRelabelings ?? [],
      })),
    );
    const watchers = ["prometheus", "alertmanager", "prometheus-0", "alertmanager-0"];
    const expected: Reading[] = bundledReadings().filter(
      ({ job, instance }) => ![job, instance].some((name) => watchers.includes(String(name))),
    );
    // Objects come in any order.
    const byName = (one: Reading, other: Reading) =>
      `${one.job} ${one.instance}`.localeCompare(`${other.job} ${other.instance}`);
    expect(readings.sort(byName)).toEqual(expected.sort(byName));
    expect(readings.length).toBeGreaterThan(12);
  });

  it("reads as often, and adds no label of its own", () => {
    for (const { spec } of ofKind<ServiceMonitor>("ServiceMonitor"))
      for (const endpoint of spec.endpoints) {
        expect(endpoint).toMatchObject({ interval: "15s", scrapeTimeout: "10s" });
        expect(endpoint.relabelings.at(-1)).toEqual({
          action: "labeldrop",
          regex: "node|namespace|service|pod|container|endpoint",
        });
      }
  });

  it("finds pods that are there, and counts a member that has no address as down", () => {
    const makers = podMakers(handedOver.objects);
    for (const monitor of ofKind<ServiceMonitor>("ServiceMonitor")) {
      const { spec } = sourceOf(monitor);
      expect(spec).toMatchObject({ clusterIP: "None", publishNotReadyAddresses: true });
      expect(makers.filter(({ labels }) => matches(labels, spec.selector))).toHaveLength(1);
      for (const endpoint of monitor.spec.endpoints)
        expect(spec.ports?.map(({ name }) => name)).toEqual([endpoint.port]);
    }
    const patroni = ofKind<ServiceMonitor>("ServiceMonitor").find(
      ({ metadata }) => metadata.name === "dujyo-patroni",
    );
    expect(patroni?.spec.endpoints.map((endpoint) => replaced(endpoint, "__address__")?.replacement)).toEqual(
      [0, 1, 2].map((ordinal) => `postgres-${ordinal}.postgres.dujyo-staging.svc.cluster.local:8008`),
    );
  });

  it("shows certificates from a Secret beside the monitors, and verifies a name that the other end's has", () => {
    const secrets = ofKind<KubernetesObject & { readonly data: Labels }>("Secret");
    const certified = handedOver.registered
      .filter(({ type }) => type.endsWith("secrets:Certificate"))
      .flatMap(({ inputs }) => plain(inputs.names) as string[]);
    for (const { spec, metadata } of ofKind<ServiceMonitor>("ServiceMonitor"))
      for (const { tlsConfig } of spec.endpoints) {
        if (!tlsConfig) throw new Error(`${metadata.name} is read in the clear`);
        const { ca, cert, keySecret, serverName } = tlsConfig;
        for (const reference of [ca.secret, cert?.secret, keySecret]) {
          if (!reference) continue;
          const secret = secrets.find((at) => at.metadata.name === reference.name);
          expect(secret?.metadata.namespace).toBe(metadata.namespace);
          expect(secret?.data).toHaveProperty([reference.key]);
        }
        expect(cert === undefined).toBe(metadata.name === "dujyo-api");
        expect(certified).toContain(serverName);
      }
  });

  it("is found by the labels of the settings", () => {
    const found = [...ofKind("ServiceMonitor"), ...ofKind("PrometheusRule")];
    expect(found.filter(({ metadata }) => !matches(metadata.labels ?? {}, LABELS))).toEqual([]);
  });

  it("gets every rule but those on the stack's own Prometheus, narrowed to the stack's jobs", () => {
    const groups = ofKind<KubernetesObject & { readonly spec: Pick<RuleFile, "groups"> }>(
      "PrometheusRule",
    ).flatMap(({ spec }) => spec.groups);
    const rules = groups.flatMap(({ rules }) => rules);
    const names = (all: readonly { alert?: string; record?: string }[]) =>
      all.map(({ alert, record }) => alert ?? record);
    const left = bundledRules().filter((name) => !names(rules).includes(name));
    expect(left.sort()).toEqual([
      "AlertmanagerConfigNotLoaded",
      "AlertmanagerUnreachable",
      "AlertsNotDelivered",
      "PrometheusConfigNotLoaded",
      "PrometheusStorageFailing",
      "RuleEvaluationFailing",
      "Watchdog",
    ]);
    expect(new Set(groups.map(({ name }) => name)).size).toBe(groups.length);
    const alerts = rules.filter(({ alert }) => alert);
    expect(alerts.filter(({ labels }) => labels?.stack !== "staging" || !labels.severity)).toEqual([]);
    expect(alerts.find(({ alert }) => alert === "TargetDown")?.expr).toBe(
      'up{job=~"postgres|pgbouncer|redis|node|disks|certificates|backup"} == 0',
    );
    expect(rules.filter(({ expr }) => /job!~|\b(prometheus|alertmanager)_/.test(expr))).toEqual([]);
    expect(alerts.find(({ alert }) => alert === "ScrapeJobMissing")?.expr).not.toMatch(/"(prometheus|etcd)"/);
  });

  it("gets every dashboard, as many as Grafana would get", () => {
    const maps = ofKind<KubernetesObject & { readonly data: Labels }>("ConfigMap");
    expect(maps.map(({ metadata }) => metadata.name)).toEqual(
      ["api", "capacity", "overview", "pooling", "postgres", "redis"].map((name) => `dujyo-${name}`),
    );
    for (const { metadata, data } of maps) {
      expect(metadata.labels).toMatchObject({ grafana_dashboard: "1" });
      expect(JSON.parse(data[`${metadata.name}.json`] ?? "").uid).toBe(metadata.name);
    }
  });

  it("is let in from its namespace alone, and to figures alone", () => {
    const policies = ofKind("NetworkPolicy").map(({ spec }) => spec as unknown as NetworkPolicy);
    const from = (namespace: string, name: string): End => ({
      labels: { "app.kubernetes.io/name": name },
      elsewhere: { "kubernetes.io/metadata.name": namespace },
    });
    const ends = ofKind<ServiceMonitor>("ServiceMonitor").map((monitor) => {
      const { spec } = sourceOf(monitor);
      return { to: { labels: spec.selector }, port: spec.ports?.[0]?.port as number };
    });
    const reached = (end: End) => ends.filter(({ to, port }) => reaches(policies, end, to, port)).length;
    expect(reached(from(NAMESPACE, "prometheus"))).toBe(ends.length);
    expect(reached(from(NAMESPACE, "grafana"))).toBe(0);

    expect(reached(from("elsewhere", "prometheus"))).toBe(0);
    const postgres = { labels: { "app.kubernetes.io/component": "postgres" } };
    expect(reaches(policies, from(NAMESPACE, "prometheus"), postgres, 5432)).toBe(false);
  });

  it("breaks no policy of the stack", () => {
    const { objects, settings } = handedOver;
    expect(violations({ objects, settings }, settings.kubernetes.policies)).toEqual([]);
  });
});

/** Names of the rules that the stack's own Prometheus has. */
function bundledRules(): (string | undefined)[] {
  const secrets = bundled.registered.filter(({ name }) => /^prometheus-files(-\d+)?$/.test(name));
  const data = secrets.flatMap(({ inputs }) =>
    Object.entries((plain(inputs) as { data: Record<string, string> }).data),
  );
  return data
    .filter(([key]) => key.startsWith("rules__"))
    .flatMap(([, text]) => (parse(Buffer.from(text, "base64").toString()) as Pick<RuleFile, "groups">).groups)
    .flatMap(({ rules }) => rules.map(({ alert, record }) => alert ?? record));
}
