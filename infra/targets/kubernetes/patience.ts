import type * as pulumi from "@pulumi/pulumi";

/** Beside a member's own time: scheduling, pulling its image, making its volume. */
export const PLACING_SECONDS = 180;

/**
 * How long a deployment waits for a workload.
 *
 * @param count members that come one after another
 * @param startTimeout seconds that one of them may take
 */
export function patience(count: number, startTimeout: number): pulumi.CustomTimeouts {
  const seconds = `${count * startTimeout + PLACING_SECONDS}s`;
  return { create: seconds, update: seconds };
}
