import { mustRun } from "../../../tools/process.ts";
import { type Answer, CanNotAsk, type Check } from "../check.ts";
import { processesOf } from "../processes.ts";
import { type Container, memberOf, type Scene } from "../scene.ts";

/**
 * One item of the section on containers of the CIS Docker Benchmark, by its numbers since 1.6.0 (1.8.0 is the newest): what
 * is wrong with a container, if anything. Not asked is what no inspection shows: whether its ports are needed (5.9), its
 * limits of files (5.19), how people use the client (5.23, 5.24, 5.28).
 */
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
    section: "5.4",
    title: "Capabilities are dropped and none added",
    wrong: (c) =>
      when(list(c, "CapAdd").length > 0 || !list(c, "CapDrop").includes("ALL"), "keeps or adds capabilities"),
  },
  {
    section: "5.5",
    title: "No container is privileged",
    wrong: (c) => when(host(c, "Privileged") !== false, "is privileged"),
  },
  {
    section: "5.6",
    title: "No sensitive directory of the machine is mounted",
    wrong: (c) =>
      c.Mounts.filter(({ Type, Source }) => Type === "bind" && SENSITIVE.test(Source)).map(
        ({ Source }) => `mounts ${Source}`,
      )[0],
  },
  {
    section: "5.8",
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
    section: "5.10",
    title: "No container shares the machine's network",
    wrong: (c) => when(host(c, "NetworkMode") === "host", "shares the machine's network"),
  },
  {
    section: "5.11",
    title: "Memory is limited",
    wrong: (c) => when(!(Number(host(c, "Memory")) > 0), "has no memory limit"),
  },
  {
    section: "5.12",
    title: "Processor time is limited",
    wrong: (c) =>
      when(!(Number(host(c, "NanoCpus")) > 0 || Number(host(c, "CpuShares")) > 0), "has no processor limit"),
  },
  {
    section: "5.13",
    title: "The root file system is read-only",
    wrong: (c) => when(host(c, "ReadonlyRootfs") !== true, "may write to its root file system"),
  },
  {
    section: "5.14",
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
    section: "5.15",
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
    section: "5.16",
    title: "No container sees the machine's processes",
    wrong: (c) => when(host(c, "PidMode") === "host", "sees the machine's processes"),
  },
  {
    section: "5.17",
    title: "No container shares the machine's memory segments",
    wrong: (c) => when(host(c, "IpcMode") === "host", "shares the machine's memory segments"),
  },
  {
    section: "5.18",
    title: "No device of the machine is handed in",
    wrong: (c) => when(list(c, "Devices").length > 0, "has a device of the machine"),
  },
  {
    section: "5.20",
    title: "No mount is shared with the machine",
    wrong: (c) =>
      when(
        c.Mounts.some((mount) => (mount as { Propagation?: string }).Propagation === "shared"),
        "shares a mount",
      ),
  },
  {
    section: "5.21",
    title: "No container shares the machine's host name",
    wrong: (c) => when(host(c, "UTSMode") === "host", "shares the machine's host name"),
  },
  {
    section: "5.22",
    title: "The filter of system calls is on",
    wrong: (c) =>
      when(
        list(c, "SecurityOpt").some((option) => /seccomp[=:]unconfined/.test(option)),
        "runs without the filter of system calls",
      ),
  },
  {
    section: "5.25",
    title: "The control group is the engine's own",
    wrong: (c) => when(Boolean(host(c, "CgroupParent")), "has a control group of its own choice"),
  },
  {
    section: "5.26",
    title: "No process gains rights",
    wrong: (c) =>
      when(
        !list(c, "SecurityOpt").some((option) => /^no-new-privileges(:true)?$/.test(option)),
        "may gain rights",
      ),
  },
  {
    section: "5.27",
    title: "Health is checked",
    wrong: (c) => when(c.State.Health === undefined, "has no health check"),
  },
  {
    section: "5.29",
    title: "The number of processes is limited",
    wrong: (c) => when(!(Number(host(c, "PidsLimit")) > 0), "may start processes without bound"),
  },
  {
    section: "5.30",
    title: "No container is on the engine's default network",
    wrong: (c) =>
      when(Object.keys(c.NetworkSettings.Networks).includes("bridge"), "is on the engine's default network"),
  },
  {
    section: "5.31",
    title: "No container shares the machine's users",
    wrong: (c) => when(host(c, "UsernsMode") === "host", "shares the machine's users"),
  },
  {
    section: "5.32",
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

/** What the engine tells of itself. */
export interface Engine {
  readonly Swarm?: { readonly LocalNodeState?: string };
  readonly SecurityOptions?: readonly string[] | null;
}

export function judgeSwarm({ Swarm }: Engine): Answer {
  const state = Swarm?.LocalNodeState ?? "inactive";
  return {
    asked: 1,
    offences: state === "inactive" ? [] : [`the engine's swarm mode is ${state}`],
    evidence: "1 engine",
  };
}

/** Items of a kernel's module that confines processes, asked where the engine makes use of it. */
export const MODULES: readonly (Item & { readonly module: string })[] = [
  {
    section: "5.2",
    module: "apparmor",
    title: "AppArmor confines containers, where the engine has it",
    wrong: (c) => when(["", "unconfined"].includes(c.AppArmorProfile), "is not confined by AppArmor"),
  },
  {
    section: "5.3",
    module: "selinux",
    title: "SELinux confines containers, where the engine has it",
    wrong: (c) => when(c.ProcessLabel === "", "is not confined by SELinux"),
  },
];

/** @throws CanNotAsk where the engine makes no use of the module */
export function judgeModule(
  item: (typeof MODULES)[number],
  { SecurityOptions }: Engine,
  containers: readonly Container[],
): Answer {
  const used = SecurityOptions?.some((option) => option.split(",").includes(`name=${item.module}`));
  if (!used) throw new CanNotAsk(`the engine of this machine makes no use of ${item.module}`);
  return judgeItem(item, containers);
}

/** Offences of names of programs, by the member that they run in. */
export function judgePrograms(programs: readonly (readonly [string, string])[]): Answer {
  const offences = programs
    .filter(([, name]) => /^sshd\b/.test(name))
    .map(([member]) => `${member} serves SSH`);
  return { asked: programs.length, offences, evidence: `${programs.length} processes` };
}

const engine = async () => JSON.parse(await mustRun("docker", ["info", "--format", "{{json .}}"])) as Engine;

export const CIS_DOCKER: readonly Check[] = [
  {
    id: "cis-docker/5.1",
    title: "The engine is no part of a swarm",
    ask: async () => judgeSwarm(await engine()),
  },
  ...MODULES.map((item) => ({
    id: `cis-docker/${item.section}`,
    title: item.title,
    ask: async ({ containers }: Scene) => judgeModule(item, await engine(), containers),
  })),
  {
    id: "cis-docker/5.7",
    title: "No container serves SSH",
    ask: async ({ containers }) =>
      judgePrograms(
        processesOf(containers).map(({ member, read }) => [member, read("comm").trim()] as const),
      ),
  },
  ...ITEMS.map((item) => ({
    id: `cis-docker/${item.section}`,
    title: item.title,
    ask: async ({ containers }: Scene) => judgeItem(item, containers),
  })),
];
