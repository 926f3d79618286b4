import * as kubernetes from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { POD_SECURITY_LEVEL } from "./container.ts";

export interface NamespaceArgs {
  readonly name: string;
  readonly labels: Record<string, string>;
}

/** The stack's own namespace, into which the API server lets no pod that is not as restricted as the stack's are. */
export function createNamespace(
  { name, labels }: NamespaceArgs,
  opts: pulumi.CustomResourceOptions,
): kubernetes.core.v1.Namespace {
  return new kubernetes.core.v1.Namespace(
    "namespace",
    { metadata: { name, labels: { ...labels, ...POD_SECURITY_LEVEL } } },
    opts,
  );
}
