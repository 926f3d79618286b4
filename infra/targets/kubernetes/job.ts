import { createHash } from "node:crypto";
import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { JobSpec } from "../../target.ts";

export interface JobArgs {
  readonly part: string;
  readonly namespace: string;
  readonly labels: Record<string, string>;
  readonly spec: JobSpec;
  readonly image: string;
  /** Digest of the job's files. */
  readonly digest: pulumi.Output<string>;
  readonly pod: kubernetes.types.input.core.v1.PodSpec;
}

/** A pod that was moved away in the middle is started once more; every job may be. */
const RETRIES = 1;

/**
 * Runs to its end before its dependants start. A Job can not change, so that it is called after all that makes it run
 * again: its image, command, environment and files.
 */
export function createJob(args: JobArgs, opts: pulumi.CustomResourceOptions): kubernetes.batch.v1.Job {
  const { part, namespace, labels, spec, image, digest, pod } = args;
  const name = digest.apply((files) => {
    const whole = JSON.stringify([image, spec.command, spec.environment ?? {}, files]);
    return `${part}-${createHash("sha256").update(whole).digest("hex").slice(0, 8)}`;
  });
  return new kubernetes.batch.v1.Job(
    part,
    {
      metadata: { name, namespace, labels },
      spec: {
        backoffLimit: RETRIES,
        activeDeadlineSeconds: spec.timeout,
        template: {
          metadata: { labels, annotations: { "dujyo.io/files": digest } },
          spec: {
            ...pod,
            restartPolicy: "Never",
            containers: pulumi
              .output(pod.containers)
              .apply((containers) =>
                containers.map((container) => ({ ...container, command: [...spec.command] })),
              ),
          },
        },
      },
    },
    opts,
  );
}
