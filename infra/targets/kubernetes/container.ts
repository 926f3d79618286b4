import type { types } from "@pulumi/kubernetes";
import type { JobSpec, ResourceLimits, WorkloadSpec } from "../../target.ts";

/** What every container of the stack is started with, whatever runs in it. */

/** Any high number will do; group 0 as it may read the configuration, which belongs to root, without owning it. */
const USER = 10_001;
const GROUP = 0;

/** Data volumes are mounted here; the images create the path for {@link USER}. */
export const DATA_PATH = "/var/lib/dujyo";

const MB = 2 ** 20;

/** Mebibytes of the writable places beside the data volume; memory, so that nothing written there outlives the container. */
const MEMORY_VOLUMES: Readonly<Record<string, { readonly path: string; readonly size: number }>> = {
  tmp: { path: "/tmp", size: 64 },
  run: { path: "/run", size: 16 },
};

/** Of the whole pod: what Pod Security's level `restricted` asks for. */
export const POD_SECURITY: types.input.core.v1.PodSecurityContext = {
  runAsNonRoot: true,
  runAsUser: USER,
  runAsGroup: GROUP,
  fsGroup: GROUP,
  // Beyond the first mount it would walk through all data, and open PostgreSQL's directory to its group.
  fsGroupChangePolicy: "OnRootMismatch",
  seccompProfile: { type: "RuntimeDefault" },
};

/** Labels of the namespace: pods that do not meet the level are refused by the API server itself. */
export const POD_SECURITY_LEVEL = {
  "pod-security.kubernetes.io/enforce": "restricted",
  "pod-security.kubernetes.io/enforce-version": "latest",
  "pod-security.kubernetes.io/warn": "restricted",
};

/** Of each container in it. */
export const CONTAINER_SECURITY: types.input.core.v1.SecurityContext = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ["ALL"] },
};

/** A number of bytes as Kubernetes writes it. */
export function quantity(bytes: number): string {
  return `${Math.floor(bytes / MB)}Mi`;
}

/**
 * Memory is requested in full, so that a node never has to take it back.
 *
 * @param cpuShare part of the processor limit that is requested
 */
export function resources(
  { memory, cpus }: ResourceLimits,
  cpuShare: number,
): types.input.core.v1.ResourceRequirements {
  const milli = (amount: number) => `${Math.max(1, Math.round(amount * 1_000))}m`;
  return {
    requests: { memory: quantity(memory), cpu: milli(cpus * cpuShare) },
    limits: { memory: quantity(memory), cpu: milli(cpus) },
  };
}

/** Volumes and mounts that a pod of this description has in memory. */
export function memoryVolumes(spec: WorkloadSpec | JobSpec): {
  readonly volumes: types.input.core.v1.Volume[];
  readonly mounts: types.input.core.v1.VolumeMount[];
} {
  const shared = "sharedMemory" in spec && spec.sharedMemory ? spec.sharedMemory / MB : undefined;
  const all = { ...MEMORY_VOLUMES, ...(shared ? { shm: { path: "/dev/shm", size: shared } } : {}) };
  return {
    volumes: Object.entries(all).map(([name, { size }]) => ({
      name,
      emptyDir: { medium: "Memory", sizeLimit: `${size}Mi` },
    })),
    mounts: Object.entries(all).map(([name, { path }]) => ({ name, mountPath: path })),
  };
}

/** Environment in the order that it was given. */
export function variables(environment: Record<string, string> = {}): types.input.core.v1.EnvVar[] {
  return Object.entries(environment).map(([name, value]) => ({ name, value }));
}

const fromPod = (name: string, fieldPath: string): types.input.core.v1.EnvVar => ({
  name,
  valueFrom: { fieldRef: { fieldPath } },
});

/** Where a member runs. The label of the zone is on pods from Kubernetes 1.35 on; before, it is empty. */
export const PLACE: readonly types.input.core.v1.EnvVar[] = [
  fromPod("MEMBER_NODE", "spec.nodeName"),
  fromPod("MEMBER_ZONE", "metadata.labels['topology.kubernetes.io/zone']"),
];

/** Seconds between two looks while a member starts. */
const START_PERIOD = 3;
/** Seconds between two looks at a member that runs. A probe costs tens of milliseconds of CPU. */
const READY_PERIOD = { member: 10, service: 5 };
const ALIVE_PERIOD = 20;

/** Seconds that one gets which no longer answers: it hears no signal, so that its own grace would be waited for in vain. */
const DEAF_GRACE = 5;

/**
 * The images' own checks. Readiness of a member is that of its whole cluster, so that a rolling change goes on to the next
 * one only when the one before is back; nothing sends traffic by it. To a service's instances traffic goes by readiness.
 */
export function probes(
  kind: keyof typeof READY_PERIOD,
  { startTimeout, readyOnce }: Pick<WorkloadSpec, "startTimeout" | "readyOnce">,
) {
  const check = (name: string, periodSeconds: number, failureThreshold: number) => ({
    exec: { command: [`/usr/local/bin/${name}`] },
    periodSeconds,
    timeoutSeconds: 10,
    failureThreshold,
  });
  const starts = Math.ceil(startTimeout / START_PERIOD);
  return {
    startupProbe: check(readyOnce ? "member-ready" : "member-health", START_PERIOD, starts),
    readinessProbe: check(
      readyOnce ? "member-health" : "member-ready",
      READY_PERIOD[kind],
      kind === "service" ? 2 : 3,
    ),
    livenessProbe: {
      ...check("member-health", ALIVE_PERIOD, 3),
      terminationGracePeriodSeconds: DEAF_GRACE,
    },
  } satisfies Partial<types.input.core.v1.Container>;
}
