import * as pulumi from "@pulumi/pulumi";

interface PasswordInputs {
  readonly length: number;
  /** What it is, where somebody has it already. */
  readonly adopted?: string;
}

/**
 * Serialised into the state and run by the engine's dynamic provider: it may use nothing of this module.
 * `diff` looks at no code, so that an upgrade of this program regenerates nothing.
 */
const provider: pulumi.dynamic.ResourceProvider = {
  async create(inputs: PasswordInputs) {
    const { randomBytes, randomUUID } = process.getBuiltinModule("node:crypto");
    // base64url needs no quoting in any of the files, connection strings and command lines a password ends up in.
    const value = inputs.adopted ?? randomBytes(inputs.length).toString("base64url").slice(0, inputs.length);
    return { id: randomUUID(), outs: { length: inputs.length, value } };
  },
  async diff() {
    return { changes: false };
  },
};

/**
 * A password of 32 characters (192 bits) made once and kept encrypted in the state; or, where one is given at its creation,
 * that one.
 */
export class Password extends pulumi.dynamic.Resource {
  /** The password; a Pulumi secret. */
  declare readonly value: pulumi.Output<string>;

  constructor(name: string, opts?: pulumi.CustomResourceOptions, adopted?: string) {
    super(
      provider,
      name,
      { length: 32, value: undefined, adopted: adopted === undefined ? undefined : pulumi.secret(adopted) },
      { ...opts, additionalSecretOutputs: ["value"] },
      "secrets",
      "Password",
    );
  }
}
