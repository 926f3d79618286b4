import * as pulumi from "@pulumi/pulumi";
import type { Workload } from "../../target.ts";

/** A workload, of whatever kinds of objects. */
export class KubernetesWorkload extends pulumi.ComponentResource implements Workload {
  readonly host: string;
  readonly members: readonly string[];

  constructor(part: string, members: readonly string[], opts: pulumi.ComponentResourceOptions) {
    super("dujyo:kubernetes:Workload", part, {}, opts);
    this.host = part;
    this.members = members;
  }
}
