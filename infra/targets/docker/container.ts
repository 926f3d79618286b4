import type * as docker from "@pulumi/docker";
import type { PortSpec, ResourceLimits } from "../../target.ts";

/** What every container of the stack is started with, whatever runs in it. */

/** Any high number will do; 0 as the group lets it read configuration that belongs to root without owning it. */
export const CONTAINER_USER = "10001:0";

/** Data volumes are mounted here; the images create the path for {@link CONTAINER_USER}. */
export const DATA_PATH = "/var/lib/dujyo";

/** Where an exporter of machine figures finds the node's control groups. */
export const NODE_VIEW_PATH = "/host/cgroup";

/** The only writable places beside the data volume; memory, so that nothing written there outlives the container. */
export const TMPFS: Record<string, string> = {
  "/tmp": "rw,noexec,nosuid,nodev,mode=1777,size=64m",
  "/run": "rw,noexec,nosuid,nodev,mode=1777,size=16m",
};

/** 10 MB three times over: enough for a day at a developer's load, and never a full disk. */
export const LOG_OPTIONS: Record<string, string> = { "max-size": "10m", "max-file": "3" };

const MB = 2 ** 20;

/** What Docker gives /dev/shm when nobody says otherwise. */
export const DEFAULT_SHARED_MEMORY = 64 * MB;

/** Processes and threads that a container without much memory may have; none of the stack's has more than a few dozen. */
const LEAST_PROCESSES = 256;

/** Most processes and threads of a container: one for each MB, since each takes more than that. */
export function processLimit(limits: ResourceLimits): number {
  return Math.max(LEAST_PROCESSES, Math.floor(limits.memory / MB));
}

/** Security and resource settings of a container. */
export function confinement(limits: ResourceLimits) {
  return {
    user: CONTAINER_USER,
    readOnly: true,
    capabilities: { drops: ["ALL"] },
    securityOpts: ["no-new-privileges:true"],
    tmpfs: TMPFS,
    memory: Math.floor(limits.memory / MB),
    // Equal to the memory limit: no swap, which would turn a full member into a slow one.
    memorySwap: Math.floor(limits.memory / MB),
    // The provider compares text, and reads whole numbers back with a decimal.
    cpus: Number.isInteger(limits.cpus) ? limits.cpus.toFixed(1) : String(limits.cpus),
  } satisfies Partial<docker.ContainerArgs>;
}

/**
 * The engine's own check. A probe costs tens of milliseconds of CPU, so it runs once a minute, for whoever looks
 * at `docker ps`; what waits for a start, and the status, ask the member itself instead.
 */
export const HEALTH_CHECK = {
  tests: ["CMD", "/usr/local/bin/member-health"],
  // As the engine writes it back: "60s" would be a difference at every second run.
  interval: "1m0s",
  timeout: "10s",
  retries: 3,
  startPeriod: "1m0s",
} satisfies docker.ContainerArgs["healthcheck"];

/** Ports published on the loopback interface, never on another. */
export function publishedOnLoopback(ports: readonly PortSpec[]) {
  return ports
    .filter((port) => port.published !== undefined)
    .map((port) => ({ internal: port.port, external: port.published, ip: "127.0.0.1", protocol: "tcp" }));
}
