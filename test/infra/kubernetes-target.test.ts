import * as pulumi from "@pulumi/pulumi";
import { beforeAll, describe, expect, it } from "vitest";
import { connections, outsideNetworks } from "../../infra/connections.ts";
import { parseSettings } from "../../infra/settings/parse.ts";
import type { MembersSpec, ServiceSpec } from "../../infra/target.ts";
import { generationProvider } from "../../infra/targets/kubernetes/generation.ts";
import { KubernetesTarget } from "../../infra/targets/kubernetes/kubernetes-target.ts";
import { ofType, plain, type Registered, record } from "../support/mocks.ts";

const MB = 2 ** 20;

const SPEC: MembersSpec = {
  image: "redis",
  count: 3,
  limits: { memory: 96 * MB, cpus: 0.5 },
  storage: 512 * MB,
  files: [{ path: "tls/ca.crt", content: "root" }],
  ports: [],
  stopGrace: 30,
  startTimeout: 60,
  election: "dujyo-dev",
  member: (ordinal) => ({
    environment: { MEMBER_PORT: String(6379 + ordinal) },
    files: [{ path: "tls/server.key", content: `key ${ordinal}` }],
  }),
};

function deployed(program: (target: KubernetesTarget, parent: pulumi.Resource) => unknown) {
  return record(() => {
    const settings = parseSettings("dev", { target: "kubernetes", kubernetes: { storageClass: "fast" } });
    const parent = new pulumi.ComponentResource("test:index:Parent", "parent");
    const target = new KubernetesTarget({
      stack: "dev",
      identity: "identity",
      settings: settings.kubernetes,
      access: settings.access,
      connections: connections(settings, "kubernetes"),
      watcherNamespace: settings.monitoring.operator.namespace,
      networks: outsideNetworks(settings),
    });
    program(target, parent);
  });
}

function deploy(change: Partial<MembersSpec> = {}) {
  return deployed((target, parent) => target.members("redis", { ...SPEC, ...change }, { parent }));
}

interface StatefulSet {
  readonly spec: {
    readonly template: {
      readonly metadata: {
        readonly labels: Record<string, string>;
        readonly annotations: Record<string, string>;
      };
      readonly spec: Record<string, unknown> & { readonly containers: Record<string, unknown>[] };
    };
  };
}

function setOf(registered: readonly Registered[]): StatefulSet {
  return plain(ofType(registered, "kubernetes:apps/v1:StatefulSet").get("redis")) as StatefulSet;
}

describe("members on Kubernetes", () => {
  let registered: Registered[];
  beforeAll(async () => {
    registered = await deploy();
  }, 60_000);

  it("run unprivileged, limited, without a writable root", () => {
    const { spec } = setOf(registered).spec.template;
    expect(spec).toMatchObject({
      securityContext: { runAsNonRoot: true, runAsUser: 10001, fsGroupChangePolicy: "OnRootMismatch" },
      enableServiceLinks: false,
      terminationGracePeriodSeconds: 30,
    });
    expect(spec.containers[0]).toMatchObject({
      securityContext: { readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } },
      resources: { requests: { memory: "96Mi", cpu: "250m" }, limits: { memory: "96Mi", cpu: "500m" } },
      livenessProbe: { exec: { command: ["/usr/local/bin/member-health"] } },
      readinessProbe: { exec: { command: ["/usr/local/bin/member-ready"] } },
    });
  });

  it("have a claim each, which is a resource of its own", () => {
    const claims = ofType(registered, "kubernetes:core/v1:PersistentVolumeClaim");
    expect([...claims.keys()]).toEqual(["data-redis-0", "data-redis-1", "data-redis-2"]);
    expect(claims.get("data-redis-1")).toMatchObject({
      metadata: { labels: { "dujyo.io/identity": "identity" } },
      spec: { storageClassName: "fast", resources: { requests: { storage: "512Mi" } } },
    });
  });

  it("find their own files, environment and nobody else's", () => {
    const secret = plain(ofType(registered, "kubernetes:core/v1:Secret").get("redis-member-files")) as {
      data: Record<string, string>;
    };
    const text = (key: string) => Buffer.from(secret.data[key] ?? "", "base64").toString();
    expect(text("redis-1__tls__server.key")).toBe("key 1");
    expect(text("redis-2__member.env")).toBe("export MEMBER_PORT='6381'\n");
    expect(setOf(registered).spec.template.spec.containers[0]?.env).toEqual([]);
  });

  it("may elect within their namespace, and are told apart by the election", () => {
    const { metadata, spec } = setOf(registered).spec.template;
    expect(metadata.labels["dujyo.io/election"]).toBe("dujyo-dev");
    expect(spec.serviceAccountName).toBe("elector");
    const role = ofType(registered, "kubernetes:rbac.authorization.k8s.io/v1:Role").get("elector");
    expect(JSON.stringify(role)).not.toContain('"*"');
  });

  it("stay as they are when one more is added, and restart when what they share has changed", async () => {
    const template = (from: readonly Registered[]) => setOf(from).spec.template;
    expect(template(await deploy({ count: 4 }))).toEqual(template(registered));
    const changed = await deploy({ files: [{ path: "tls/ca.crt", content: "another root" }] });
    expect(template(changed).metadata.annotations).not.toEqual(template(registered).metadata.annotations);
  });

  it("are alive as long as they answer, and not waited for when they no longer do", () => {
    expect(setOf(registered).spec.template.spec.containers[0]).toMatchObject({
      startupProbe: { exec: { command: ["/usr/local/bin/member-health"] } },
      livenessProbe: { terminationGracePeriodSeconds: 5 },
    });
  });

  it("keep apart where each of them counts in a quorum, and where spreading is required", async () => {
    const affinity = async (change: Partial<MembersSpec>) =>
      setOf(await deploy(change)).spec.template.spec.affinity as { podAntiAffinity: object };
    const elsewhere = {
      topologyKey: "kubernetes.io/hostname",
      labelSelector: {
        matchLabels: { "app.kubernetes.io/instance": "dev", "app.kubernetes.io/component": "redis" },
      },
    };
    expect((await affinity({ apart: true })).podAntiAffinity).toEqual({
      requiredDuringSchedulingIgnoredDuringExecution: [elsewhere],
    });
    expect((await affinity({})).podAntiAffinity).toEqual({
      preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm: elsewhere }],
    });
  });
});

describe("members that have to know where they run", () => {
  it("are told their node and zone, and no others are", async () => {
    const environment = async (change: Partial<MembersSpec>) =>
      setOf(await deploy(change)).spec.template.spec.containers[0]?.env;
    expect(await environment({ toldPlace: true, environment: { GIVEN: "1" } })).toEqual([
      { name: "GIVEN", value: "1" },
      { name: "MEMBER_NODE", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } },
      {
        name: "MEMBER_ZONE",
        valueFrom: { fieldRef: { fieldPath: "metadata.labels['topology.kubernetes.io/zone']" } },
      },
    ]);
    expect(await environment({})).toEqual([]);
  });
});

describe("a service on Kubernetes", () => {
  const haproxy = (change: Partial<ServiceSpec>) =>
    deployed((target, parent) => {
      const { image, limits, files, ports, stopGrace, startTimeout } = SPEC;
      const spec = { image, limits, files, ports, stopGrace, startTimeout, instances: 2, ...change };
      target.service("haproxy", spec, { parent });
    });
  const probesOf = async (readyOnce?: boolean) => {
    const registered = await haproxy({ readyOnce });
    const { spec } = plain(ofType(registered, "kubernetes:apps/v1:Deployment").get("haproxy")) as StatefulSet;
    const { startupProbe, readinessProbe } = spec.template.spec.containers[0] as Record<
      "startupProbe" | "readinessProbe",
      { readonly exec: { readonly command: readonly string[] } }
    >;
    return [startupProbe.exec.command[0], readinessProbe.exec.command[0]];
  };

  it("gets traffic while it is ready; one that has more to offer, as long as it is alive", async () => {
    expect(await probesOf()).toEqual(["/usr/local/bin/member-health", "/usr/local/bin/member-ready"]);
    expect(await probesOf(true)).toEqual(["/usr/local/bin/member-ready", "/usr/local/bin/member-health"]);
  });

  it("tells the address of each instance, also of one that is not ready, where its figures are wanted", async () => {
    const servicesOf = async (watched: boolean) =>
      ofType(await haproxy({ watched }), "kubernetes:core/v1:Service");
    expect([...(await servicesOf(false)).keys()]).toEqual(["haproxy"]);
    expect(plain((await servicesOf(true)).get("haproxy-instances"))).toMatchObject({
      metadata: { name: "haproxy-instances" },
      spec: {
        clusterIP: "None",
        publishNotReadyAddresses: true,
        selector: { "app.kubernetes.io/component": "haproxy" },
      },
    });
  });
});

describe("the generation of members' files", () => {
  const { create, diff, update } = generationProvider as Required<typeof generationProvider>;
  const made = async () => (await create({ digests: { a: "1", b: "2" } })).outs;

  it("is the same when a member comes or goes", async () => {
    const before = await made();
    const more = { digests: { a: "1", b: "2", c: "3" } };
    expect(await diff("id", before, more)).toEqual({ changes: true });
    const after = (await update("id", before, more)).outs;
    expect(after).toEqual({ ...more, value: before.value });
    expect((await update("id", after, { digests: { a: "1" } })).outs?.value).toBe(before.value);
  });

  it("is another one when the files of any member have changed, also of one that came later", async () => {
    const before = await made();
    const after = (await update("id", before, { digests: { a: "1", b: "3" } })).outs;
    expect(after?.value).not.toBe(before.value);
  });

  it("does not change by itself", async () => {
    expect(await diff("id", await made(), { digests: { b: "2", a: "1" } })).toEqual({ changes: false });
  });
});
