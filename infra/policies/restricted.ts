import { type Container, containersOf, type PodSpec } from "./objects.ts";

/** Kinds of volume that the level admits. */
const VOLUMES = new Set([
  "configMap",
  "csi",
  "downwardAPI",
  "emptyDir",
  "ephemeral",
  "persistentVolumeClaim",
  "projected",
  "secret",
]);

/**
 * Where a pod falls short of Pod Security's level `restricted`, as Kubernetes itself defines it.
 *
 * @returns sentences; none where it meets the level
 */
export function restrictedViolations(pod: PodSpec): string[] {
  return [
    ...(["hostNetwork", "hostPID", "hostIPC"] as const)
      .filter((key) => pod[key])
      .map((key) => `asks for ${key}`),
    ...(pod.volumes ?? []).flatMap(({ name, ...source }) =>
      Object.keys(source)
        .filter((kind) => !VOLUMES.has(kind))
        .map((kind) => `mounts a ${kind} (${String(name)})`),
    ),
    ...(pod.securityContext?.sysctls?.length ? ["sets kernel parameters"] : []),
    ...(pod.securityContext?.runAsUser === 0 ? ["runs as root"] : []),
    ...containersOf(pod).flatMap((container) =>
      containerViolations(container, pod).map((text) => `${container.name} ${text}`),
    ),
  ];
}

function containerViolations({ securityContext: own = {}, ports }: Container, pod: PodSpec): string[] {
  const all = pod.securityContext ?? {};
  return [
    ...((own.runAsNonRoot ?? all.runAsNonRoot) === true ? [] : ["may run as root"]),
    ...(own.runAsUser === 0 ? ["runs as root"] : []),
    ...(own.privileged ? ["is privileged"] : []),
    ...(own.allowPrivilegeEscalation === false ? [] : ["may gain privileges"]),
    ...(own.capabilities?.drop?.includes("ALL") ? [] : ["keeps capabilities"]),
    ...(own.capabilities?.add ?? [])
      .filter((name) => name !== "NET_BIND_SERVICE")
      .map((name) => `adds capability ${name}`),
    ...(["RuntimeDefault", "Localhost"].includes(all.seccompProfile?.type ?? "")
      ? []
      : ["has no seccomp profile"]),
    ...(ports ?? [])
      .filter(({ hostPort }) => hostPort)
      .map(({ hostPort }) => `takes the node's port ${hostPort}`),
  ];
}
