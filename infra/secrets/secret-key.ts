import * as pulumi from "@pulumi/pulumi";

const provider: pulumi.dynamic.ResourceProvider = {
  async create() {
    const { randomBytes, randomUUID } = process.getBuiltinModule("node:crypto");
    return { id: randomUUID(), outs: { value: randomBytes(32).toString("hex") } };
  },
  async diff() {
    return { changes: false };
  },
};

/** A key of 256 bits, made once and kept encrypted in the state. */
export class SecretKey extends pulumi.dynamic.Resource {
  /** The key, 64 hex digits; a Pulumi secret. */
  declare readonly value: pulumi.Output<string>;

  constructor(name: string, opts?: pulumi.CustomResourceOptions) {
    super(
      provider,
      name,
      { value: undefined },
      { ...opts, additionalSecretOutputs: ["value"] },
      "secrets",
      "SecretKey",
    );
  }
}
