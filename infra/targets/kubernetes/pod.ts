import type { types } from "@pulumi/kubernetes";
import { FILES_PATH, type JobSpec, type WorkloadSpec } from "../../target.ts";
import { type Companion, companion } from "./companion.ts";
import {
  CONTAINER_SECURITY,
  DATA_PATH,
  memoryVolumes,
  POD_SECURITY,
  resources,
  variables,
} from "./container.ts";
import { ARRANGE, type Files } from "./files.ts";
import { ELECTOR } from "./rights.ts";
import { CLAIM } from "./storage.ts";

type PodSpec = types.input.core.v1.PodSpec;
type Container = types.input.core.v1.Container;

export interface PodArgs {
  readonly name: string;
  readonly spec: WorkloadSpec | JobSpec;
  readonly image: string;
  readonly files: Files;
  /** Part of the processor limit that is requested. */
  readonly cpuShare: number;
  readonly pullSecret: string;
  readonly priorityClass: string;
  /** Services whose members are known by their short names. */
  readonly searches: readonly string[];
  /** What the container has beyond what all of them have: its command, its checks. */
  readonly container: Partial<Container>;
  /** Whether it has a volume of its own. */
  readonly disk: boolean;
  readonly companion?: Companion;
}

/** Bytes and processors of the step that puts files together. */
const ARRANGE_LIMITS = { memory: 32 * 2 ** 20, cpus: 0.1 };

/** The part of a pod that is the same for members, services and jobs. */
export function pod(args: PodArgs): PodSpec {
  const { name, spec, image, files, cpuShare } = args;
  const memory = memoryVolumes(spec);
  const common = { image, imagePullPolicy: "IfNotPresent", securityContext: CONTAINER_SECURITY };
  const arrange: Container = {
    ...common,
    name: "files",
    command: ["/bin/sh", "-c", ARRANGE],
    resources: resources(ARRANGE_LIMITS, cpuShare),
    volumeMounts: [...files.sources],
  };
  const elects = spec.election !== undefined;
  const disk = args.disk ? [{ name: CLAIM, mountPath: DATA_PATH }] : [];
  const beside = args.companion ? companion(args.companion, cpuShare, disk) : undefined;
  return {
    ...(elects ? { serviceAccountName: ELECTOR } : {}),
    automountServiceAccountToken: elects,
    // Variables of every service would come unasked, and may carry the names of settings.
    enableServiceLinks: false,
    securityContext: POD_SECURITY,
    ...(args.priorityClass === "" ? {} : { priorityClassName: args.priorityClass }),
    ...(args.pullSecret === "" ? {} : { imagePullSecrets: [{ name: args.pullSecret }] }),
    dnsConfig: {
      searches: [...args.searches],
      // Short names are the stack's; whole ones are asked for as they stand.
      options: [{ name: "ndots", value: "1" }],
    },
    ...(files.sources.length > 0 ? { initContainers: [arrange] } : {}),
    containers: [
      {
        ...common,
        name,
        env: variables(spec.environment),
        resources: resources(spec.limits, cpuShare),
        volumeMounts: [files.mount, ...memory.mounts, ...disk],
        ...args.container,
      },
      ...(beside ? [beside.container] : []),
    ],
    volumes: [...files.volumes, ...memory.volumes, ...(beside?.volumes ?? [])],
  };
}

/** File with what sets a member's environment apart from the others': a pod's own is the same for all of them. */
export const MEMBER_ENVIRONMENT = "member.env";

export function memberEnvironment(environment: Record<string, string>): string {
  const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
  return Object.entries(environment)
    .map(([name, value]) => `export ${name}=${quote(value)}\n`)
    .join("");
}

/** Starts a member as its image does, with its own environment. */
export const MEMBER_COMMAND = [
  "/usr/bin/tini",
  "--",
  "/bin/sh",
  "-c",
  `. ${FILES_PATH}/${MEMBER_ENVIRONMENT} && exec /usr/local/bin/member-start`,
];
