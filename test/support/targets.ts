import * as pulumi from "@pulumi/pulumi";
import { connections, outsideNetworks } from "../../infra/connections.ts";
import { parseSettings } from "../../infra/settings/parse.ts";
import type { Target } from "../../infra/target.ts";
import { DockerTarget } from "../../infra/targets/docker/docker-target.ts";
import { KubernetesTarget } from "../../infra/targets/kubernetes/kubernetes-target.ts";
import { plain, type Registered } from "./mocks.ts";

/** Every target there is, made fresh for one recorded program. */
export const TARGETS = {
  docker: () =>
    new DockerTarget({
      prefix: "dujyo-dev",
      stack: "dev",
      subnet: "172.30.17.0/24",
      identity: pulumi.output("identity"),
      isPresent: () => true,
    }),
  kubernetes: () => {
    const settings = parseSettings("dev", {
      target: "kubernetes",
      kubernetes: { registry: "registry.example/dujyo" },
    });
    return new KubernetesTarget({
      stack: "dev",
      identity: pulumi.output("identity"),
      settings: settings.kubernetes,
      access: settings.access,
      connections: connections(settings, "kubernetes"),
      watcherNamespace: settings.monitoring.operator.namespace,
      networks: outsideNetworks(settings),
    });
  },
} satisfies Record<string, () => Target>;

export type TargetName = keyof typeof TARGETS;

/** An expectation for each target; a target that is added makes every unfinished one a compile error. */
export type PerTarget<T> = Record<TargetName, T>;

export const TARGET_NAMES = Object.keys(TARGETS) as TargetName[];

/** What a target runs, in words that all targets share. */
export interface Running {
  readonly members: string[];
  readonly disks: string[];
  /** Ports on the loopback interface, by member. */
  readonly published: Record<string, number[]>;
  /** Paths below /etc/dujyo, by member or job. */
  readonly files: Record<string, string[]>;
  readonly jobs: string[];
}

interface ContainerInputs {
  readonly name: string;
  readonly start?: boolean;
  readonly ports?: { readonly external: number }[];
  readonly uploads?: { readonly file: string }[];
}

/** Reads {@link Running} from what was registered, by target. */
export const READERS: PerTarget<(registered: readonly Registered[]) => Running> = {
  docker(registered) {
    const of = (type: string) => registered.filter((resource) => resource.type === type);
    const containers = of("docker:index/container:Container").map(
      ({ name, inputs }) => [name, plain(inputs) as ContainerInputs] as const,
    );
    const members = containers.filter(([, inputs]) => inputs.start !== false);
    return {
      members: members.map(([name]) => name),
      disks: of("docker:index/volume:Volume")
        .map(({ name }) => name)
        .filter((name) => name.endsWith("-data")),
      published: Object.fromEntries(
        members.map(([name, inputs]) => [name, (inputs.ports ?? []).map(({ external }) => external)]),
      ),
      files: Object.fromEntries(
        containers
          .filter(([, inputs]) => inputs.start === false)
          .map(([name, inputs]) => [
            name.replace(/-files$/, ""),
            (inputs.uploads ?? []).map(({ file }) => file.replace("/etc/dujyo/", "")).sort(),
          ]),
      ),
      jobs: of("pulumi-nodejs:dynamic/docker:Run").map(({ name }) => name),
    };
  },
  kubernetes(registered) {
    const of = <T>(kind: string) =>
      registered
        .filter(({ type }) => type === `kubernetes:${kind}`)
        .map(({ name, inputs }) => [name, plain(inputs) as T] as const);
    const secrets = of<{ data: Record<string, string> }>("core/v1:Secret");
    const paths = (name: string) =>
      secrets
        .filter(([secret]) => new RegExp(`^${name}(-[0-9]+)?$`).test(secret))
        .flatMap(([, { data }]) => Object.keys(data).map((key) => key.replaceAll("__", "/")));
    const sets = of<{ spec: { replicas: number } }>("apps/v1:StatefulSet");
    const inSets = sets.flatMap(([part, { spec }]) =>
      Array.from({ length: spec.replicas }, (_, ordinal) => ({ part, name: `${part}-${ordinal}` })),
    );
    const single = [...of("apps/v1:Deployment"), ...of("batch/v1:Job")].map(([part]) => ({
      part,
      name: part,
    }));
    return {
      members: [...inSets.map(({ name }) => name), ...of("apps/v1:Deployment").map(([name]) => name)],
      disks: of("core/v1:PersistentVolumeClaim").map(([name]) => name),
      published: {},
      files: Object.fromEntries(
        [...inSets, ...single].map(({ part, name }) => [
          name,
          [
            ...paths(`${part}-files`),
            ...paths(`${part}-member-files`).flatMap((path) =>
              path.startsWith(`${name}/`) ? [path.slice(name.length + 1)] : [],
            ),
          ].sort(),
        ]),
      ),
      jobs: of("batch/v1:Job").map(([name]) => name),
    };
  },
};
