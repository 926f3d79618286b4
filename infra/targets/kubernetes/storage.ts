import * as kubernetes from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { quantity } from "./container.ts";

/** Claims of a StatefulSet's members are called `<template>-<member>`; a claim that is there already is taken. */
export const CLAIM = "data";

export interface ClaimArgs {
  readonly member: string;
  readonly namespace: string;
  readonly labels: Record<string, pulumi.Input<string>>;
  /** Marks what belongs to this state. */
  readonly identity: pulumi.Input<string>;
  /** Bytes. */
  readonly storage: number;
  /** Empty: the cluster's default. */
  readonly storageClass: string;
}

export function claimSpec({ storage, storageClass }: Pick<ClaimArgs, "storage" | "storageClass">) {
  return {
    accessModes: ["ReadWriteOnce"],
    resources: { requests: { storage: quantity(storage) } },
    ...(storageClass === "" ? {} : { storageClassName: storageClass }),
  };
}

/**
 * A member's volume as a resource of its own: what a StatefulSet claims by itself is in nobody's state, so that nothing
 * would protect it.
 */
export function createClaim(
  args: ClaimArgs,
  opts: pulumi.CustomResourceOptions,
): kubernetes.core.v1.PersistentVolumeClaim {
  const { member, namespace, labels, identity } = args;
  const name = `${CLAIM}-${member}`;
  return new kubernetes.core.v1.PersistentVolumeClaim(
    name,
    {
      metadata: {
        name,
        namespace,
        labels: { ...labels, "dujyo.io/identity": identity },
        // Most classes make the volume where its first pod is, which comes later.
        annotations: { "pulumi.com/skipAwait": "true" },
      },
      spec: claimSpec(args),
    },
    opts,
  );
}
