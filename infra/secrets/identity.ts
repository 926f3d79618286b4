import * as pulumi from "@pulumi/pulumi";

const provider: pulumi.dynamic.ResourceProvider = {
  async create() {
    const { randomUUID } = process.getBuiltinModule("node:crypto");
    const value = randomUUID();
    return { id: value, outs: { value } };
  },
  async diff() {
    return { changes: false };
  },
};

/** Tells this state from every other one of the same stack name: volumes carry it, and `npm run up` compares. */
export class Identity extends pulumi.dynamic.Resource {
  /** A UUID; no secret. */
  declare readonly value: pulumi.Output<string>;

  constructor(name: string, opts?: pulumi.CustomResourceOptions) {
    super(provider, name, { value: undefined }, opts, "secrets", "Identity");
  }
}
