import * as pulumi from "@pulumi/pulumi";
import type { Target } from "../../infra/target.ts";
import { DockerTarget } from "../../infra/targets/docker/docker-target.ts";
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
};
