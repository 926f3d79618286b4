import * as kubernetes from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";

export interface ServiceArgs {
  readonly name: string;
  readonly namespace: string;
  readonly labels: Record<string, string>;
  readonly spec: kubernetes.types.input.core.v1.ServiceSpec;
}

/** A Service, which nobody waits for: it is there before the pods that it leads to. */
export function createService(
  { name, namespace, labels, spec }: ServiceArgs,
  opts: pulumi.CustomResourceOptions,
): void {
  new kubernetes.core.v1.Service(
    name,
    { metadata: { name, namespace, labels, annotations: { "pulumi.com/skipAwait": "true" } }, spec },
    opts,
  );
}
