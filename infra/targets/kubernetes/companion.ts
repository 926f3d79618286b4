import type { types } from "@pulumi/kubernetes";
import type { CompanionSpec } from "../../target.ts";
import { CONTAINER_SECURITY, resources, variables } from "./container.ts";
import type { Files, FilesArgs } from "./files.ts";

/** Name of its container, its volume and, behind the workload's, its Secret. */
export const COMPANION = "figures";

/** What stands beside every instance of a workload. */
export interface Companion {
  readonly spec: CompanionSpec;
  readonly image: string;
  readonly files: Files;
}

/** Its files, one Secret for all instances of the part. */
export function companionFiles(
  part: string,
  { files }: CompanionSpec,
  named: Pick<FilesArgs, "namespace" | "labels">,
): FilesArgs {
  return { ...named, name: `${part}-${COMPANION}`, shared: files, own: {}, volume: COMPANION };
}

const RUN = `${COMPANION}-run`;
const RUN_SIZE = "8Mi";

/**
 * Starts what the image starts, and again when it ends: a container that is down would take its pod out of service. For the
 * same reason it has no checks; one that does not answer is a target that is down.
 */
const COMMAND = [
  ...["/usr/bin/tini", "-g", "--", "/bin/sh", "-c"],
  "while :; do /usr/local/bin/member-start || true; sleep 5; done",
];

/**
 * @param cpuShare part of the processor limit that is requested
 * @param disk mount of the instance's own disk, none where it has none
 */
export function companion(
  { spec, image, files }: Companion,
  cpuShare: number,
  disk: readonly types.input.core.v1.VolumeMount[],
): { readonly container: types.input.core.v1.Container; readonly volumes: types.input.core.v1.Volume[] } {
  return {
    container: {
      name: COMPANION,
      image,
      imagePullPolicy: "IfNotPresent",
      securityContext: CONTAINER_SECURITY,
      command: COMMAND,
      env: [
        ...variables(spec.environment),
        { name: "NODE_NAME", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } },
      ],
      resources: resources(spec.limits, cpuShare),
      volumeMounts: [
        files.mount,
        { name: RUN, mountPath: "/run" },
        ...disk.map((mount) => ({ ...mount, readOnly: true })),
      ],
    },
    volumes: [...files.volumes, { name: RUN, emptyDir: { medium: "Memory", sizeLimit: RUN_SIZE } }],
  };
}
