import type { Answer, Check } from "../check.ts";
import { type Container, memberOf } from "../scene.ts";

/** One item of the CIS Docker Benchmark's section on containers: what is wrong with a container, if anything. */
interface Item {
  readonly section: string;
  readonly title: string;
  readonly wrong: (container: Container) => string | undefined;
}

const when = (bad: boolean, text: string) => (bad ? text : undefined);
const host = (container: Container, key: string) => container.HostConfig[key];
const list = (container: Container, key: string) => (host(container, key) ?? []) as readonly string[];
const SENSITIVE = /^\/($|boot|dev|etc|lib|proc|sys|usr)/;

/** Items that the inspection of a container answers. Numbers are the benchmark's, words are ours. */
export const ITEMS: readonly Item[] = [
  {
    section: "5.3",
    title: "Capabilities are dropped and none added",
    wrong: (c) =>
      when(list(c, "CapAdd").length > 0 || !list(c, "CapDrop").includes("ALL"), "keeps or adds capabilities"),
  },
  {
    section: "5.4",
    title: "No container is privileged",
    wrong: (c) => when(host(c, "Privileged") !== false, "is privileged"),
  },
  {
    section: "5.5",
    title: "No sensitive directory of the machine is mounted",
    wrong: (c) =>
      c.Mounts.filter(({ Type, Source }) => Type === "bind" && SENSITIVE.test(Source)).map(
        ({ Source }) => `mounts ${Source}`,
      )[0],
  },
  {
    section: "5.7",
    title: "No privileged port is published",
    wrong: (c) =>
      when(
        Object.values((host(c, "PortBindings") ?? {}) as Record<string, { HostPort: string }[]>)
          .flat()
          .some(({ HostPort }) => Number(HostPort) < 1024),
        "publishes a port below 1024",
      ),
  },
  {
    section: "5.9",
    title: "No container shares the machine's network",
    wrong: (c) => when(host(c, "NetworkMode") === "host", "shares the machine's network"),
  },
  {
    section: "5.10",
    title: "Memory is limited",
    wrong: (c) => when(!(Number(host(c, "Memory")) > 0), "has no memory limit"),
  },
  {
    section: "5.11",
    title: "Processor time is limited",
    wrong: (c) =>
      when(!(Number(host(c, "NanoCpus")) > 0 || Number(host(c, "CpuShares")) > 0), "has no processor limit"),
  },
  {
    section: "5.12",
    title: "The root file system is read-only",
    wrong: (c) => when(host(c, "ReadonlyRootfs") !== true, "may write to its root file system"),
  },
  {
    section: "5.13",
    title: "Ports are published on one named interface",
    wrong: (c) =>
      when(
        Object.values(c.NetworkSettings.Ports).some((bindings) =>
          bindings?.some(({ HostIp }) => HostIp === "0.0.0.0" || HostIp === "::" || HostIp === ""),
        ),
        "publishes on every interface",
      ),
  },
  {
    section: "5.14",
    title: "Restarts after a failure are bounded",
    wrong: (c) =>
      when(
        ["always", "unless-stopped"].includes(
          (host(c, "RestartPolicy") as { Name?: string } | undefined)?.Name ?? "",
        ),
        "is restarted without bound",
      ),
  },
  {
    section: "5.15",
    title: "No container sees the machine's processes",
    wrong: (c) => when(host(c, "PidMode") === "host", "sees the machine's processes"),
  },
  {
    section: "5.16",
    title: "No container shares the machine's memory segments",
    wrong: (c) => when(host(c, "IpcMode") === "host", "shares the machine's memory segments"),
  },
  {
    section: "5.17",
    title: "No device of the machine is handed in",
    wrong: (c) => when(list(c, "Devices").length > 0, "has a device of the machine"),
  },
  {
    section: "5.19",
    title: "No mount is shared with the machine",
    wrong: (c) =>
      when(
        c.Mounts.some((mount) => (mount as { Propagation?: string }).Propagation === "shared"),
        "shares a mount",
      ),
  },
  {
    section: "5.20",
    title: "No container shares the machine's host name",
    wrong: (c) => when(host(c, "UTSMode") === "host", "shares the machine's host name"),
  },
  {
    section: "5.21",
    title: "The filter of system calls is on",
    wrong: (c) =>
      when(
        list(c, "SecurityOpt").some((option) => /seccomp[=:]unconfined/.test(option)),
        "runs without the filter of system calls",
      ),
  },
  {
    section: "5.24",
    title: "The control group is the engine's own",
    wrong: (c) => when(Boolean(host(c, "CgroupParent")), "has a control group of its own choice"),
  },
  {
    section: "5.25",
    title: "No process gains rights",
    wrong: (c) =>
      when(
        !list(c, "SecurityOpt").some((option) => /^no-new-privileges(:true)?$/.test(option)),
        "may gain rights",
      ),
  },
  {
    section: "5.26",
    title: "Health is checked",
    wrong: (c) => when(c.State.Health === undefined, "has no health check"),
  },
  {
    section: "5.28",
    title: "The number of processes is limited",
    wrong: (c) => when(!(Number(host(c, "PidsLimit")) > 0), "may start processes without bound"),
  },
  {
    section: "5.29",
    title: "No container is on the engine's default network",
    wrong: (c) =>
      when(Object.keys(c.NetworkSettings.Networks).includes("bridge"), "is on the engine's default network"),
  },
  {
    section: "5.30",
    title: "No container shares the machine's users",
    wrong: (c) => when(host(c, "UsernsMode") === "host", "shares the machine's users"),
  },
  {
    section: "5.31",
    title: "No container holds the engine's socket",
    wrong: (c) =>
      when(
        c.Mounts.some(({ Source }) => Source.endsWith("docker.sock")),
        "holds the engine's socket",
      ),
  },
];

/** What containers lack of an item. */
export function judgeItem({ wrong }: Item, containers: readonly Container[]): Answer {
  const offences = containers.flatMap((container) => {
    const text = wrong(container);
    return text === undefined ? [] : [`${memberOf(container)} ${text}`];
  });
  return { asked: containers.length, offences, evidence: `${containers.length} containers` };
}

export const CIS_DOCKER: readonly Check[] = ITEMS.map((item) => ({
  id: `cis-docker/${item.section}`,
  title: item.title,
  ask: async ({ containers }) => judgeItem(item, containers),
}));
