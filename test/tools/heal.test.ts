import { describe, expect, it } from "vitest";
import { section, shortProgress } from "../../tools/stack/deploy.ts";
import type { DockerContainer, DockerObjects } from "../../tools/stack/docker-objects.ts";
import { findDifferences, refuseForeign } from "../../tools/stack/heal.ts";
import type { Snapshot } from "../../tools/stack/snapshot.ts";

const labels = { "io.dujyo.stack": "dev", "io.dujyo.identity": "mine" };
const container = (id: string, more: Partial<DockerContainer> = {}): DockerContainer => ({
  id,
  name: id,
  labels,
  running: false,
  stopped: false,
  ports: [],
  ...more,
});
const snapshot: Snapshot = {
  version: 3,
  deployment: {
    resources: [
      { urn: "urn::identity", type: "pulumi-nodejs:dynamic/secrets:Identity", id: "mine" },
      { urn: "urn::known", type: "docker:index/container:Container", id: "known" },
      { urn: "urn::gone", type: "docker:index/container:Container", id: "gone" },
      { urn: "urn::network", type: "docker:index/network:Network", id: "network" },
      { urn: "urn::volume", type: "docker:index/volume:Volume", id: "volume" },
    ],
  },
};
const objects: DockerObjects = {
  containers: [
    container("known", { stopped: true, labels: { ...labels, "io.dujyo.member": "etcd-0" } }),
    container("orphan", { stopped: true, labels: { ...labels, "io.dujyo.member": "etcd-1" } }),
    container("files", { stopped: true }),
  ],
  networks: [
    { id: "network", name: "dujyo-dev", labels },
    { id: "twin", name: "dujyo-dev", labels },
  ],
  volumes: [{ id: "volume", name: "volume", labels }],
};

describe("differences between state and engine", () => {
  const { orphans, missing, stopped } = findDifferences(snapshot, objects);

  it("finds what a killed run has made without telling the state", () => {
    expect(orphans.containers.map(({ id }) => id)).toEqual(["orphan", "files"]);
    expect(orphans.networks.map(({ id }) => id)).toEqual(["twin"]);
  });

  it("finds what is gone", () => {
    expect(missing).toEqual(["urn::gone"]);
  });

  it("finds members to start, not the containers that never run", () => {
    expect(stopped.map(({ id }) => id)).toEqual(["known"]);
  });
});

describe("objects of another state", () => {
  const foreign = {
    ...objects,
    volumes: [{ id: "v", name: "dujyo-dev-postgres-0-data", labels: { "io.dujyo.identity": "theirs" } }],
  };

  it("stop everything, named, with both ways out", () => {
    expect(() => refuseForeign("dev", snapshot, foreign)).toThrow(
      /dujyo-dev-postgres-0-data[\s\S]*\.dujyo[\s\S]*docker volume rm/,
    );
  });

  it("are all those there are where the state is new", () => {
    expect(() => refuseForeign("dev", undefined, objects)).toThrow(/belongs to another state/);
  });

  it("are not the state's own, and not nothing", () => {
    expect(() => refuseForeign("dev", snapshot, objects)).not.toThrow();
    expect(() =>
      refuseForeign("dev", undefined, { containers: [], networks: [], volumes: [] }),
    ).not.toThrow();
  });
});

describe("the engine's output", () => {
  const output =
    "Diagnostics:\n  pulumi:pulumi:Stack (s):\n    a note\n\nResources:\n    + 2 created\n    5 unchanged\n\nDuration: 1s\n";

  it("is cut into its sections", () => {
    expect(section(output, "Diagnostics")).toEqual(["  pulumi:pulumi:Stack (s):", "    a note"]);
    expect(section(output, "Resources")).toEqual(["    + 2 created", "    5 unchanged"]);
    expect(section(output, "Outputs")).toEqual([]);
  });

  it("is shortened to what happens to which resource", () => {
    expect(shortProgress(" +  docker:index:Container etcd-0 creating (0s) ")).toBe("creating etcd-0");
    expect(shortProgress(" ++ docker:index:Container c created replacement (1s) [diff: -uploads]")).toBe(
      "created c",
    );
    expect(shortProgress("@ updating.....")).toBeUndefined();
  });
});
