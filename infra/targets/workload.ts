import * as pulumi from "@pulumi/pulumi";
import type { Workload } from "../target.ts";

/** A workload as a node of the resource tree, above whatever a target makes of it. */
export class DeployedWorkload extends pulumi.ComponentResource implements Workload {
  readonly host: string;
  readonly members: readonly string[];

  constructor(
    target: string,
    part: string,
    members: readonly string[],
    opts: pulumi.ComponentResourceOptions,
  ) {
    super(`dujyo:${target}:Workload`, part, {}, opts);
    this.host = part;
    this.members = members;
  }
}
