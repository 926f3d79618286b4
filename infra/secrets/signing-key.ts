import * as pulumi from "@pulumi/pulumi";

const provider: pulumi.dynamic.ResourceProvider = {
  async create() {
    const { generateKeyPairSync, randomUUID } = process.getBuiltinModule("node:crypto");
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    const id = randomUUID();
    const common = { alg: "EdDSA", use: "sig", kid: id };
    const privateJwk = JSON.stringify({ ...privateKey.export({ format: "jwk" }), ...common });
    const keySet = JSON.stringify({ keys: [{ ...publicKey.export({ format: "jwk" }), ...common }] });
    return { id, outs: { privateJwk, keySet } };
  },
  async diff() {
    return { changes: false };
  },
};

/** One JSON Web Key Set of all that the keys' own sets hold. */
export function keySetOf(keys: readonly SigningKey[]): pulumi.Output<string> {
  return pulumi.all(keys.map(({ keySet }) => keySet)).apply((sets) => {
    const all = sets.flatMap((set) => (JSON.parse(set) as { readonly keys: readonly unknown[] }).keys);
    return JSON.stringify({ keys: all });
  });
}

/** An Ed25519 key for bearer tokens: the private key makes them, the key set verifies them. */
export class SigningKey extends pulumi.dynamic.Resource {
  /** The private key, a JSON Web Key; a Pulumi secret. */
  declare readonly privateJwk: pulumi.Output<string>;
  /** The JSON Web Key Set that verifies; no secret. */
  declare readonly keySet: pulumi.Output<string>;

  constructor(name: string, opts?: pulumi.CustomResourceOptions) {
    super(
      provider,
      name,
      { privateJwk: undefined, keySet: undefined },
      { ...opts, additionalSecretOutputs: ["privateJwk"] },
      "secrets",
      "SigningKey",
    );
  }
}
