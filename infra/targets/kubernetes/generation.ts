import * as pulumi from "@pulumi/pulumi";

interface GenerationInputs {
  /** Digest of what each member has for itself, by the member's name. */
  readonly digests: Readonly<Record<string, string>>;
}

interface GenerationState extends GenerationInputs {
  readonly value: string;
}

/**
 * Serialised into the state and run by the engine's dynamic provider: it may use nothing of this module. Exported for its
 * tests.
 */
export const generationProvider: pulumi.dynamic.ResourceProvider = {
  async create({ digests }: GenerationInputs) {
    const { randomUUID } = process.getBuiltinModule("node:crypto");
    const value = randomUUID();
    return { id: value, outs: { digests, value } };
  },
  async diff(_id: string, { digests: olds }: GenerationState, { digests: news }: GenerationInputs) {
    const names = new Set([...Object.keys(olds), ...Object.keys(news)]);
    return { changes: [...names].some((name) => olds[name] !== news[name]) };
  },
  async update(_id: string, { digests: olds, value }: GenerationState, { digests: news }: GenerationInputs) {
    const { randomUUID } = process.getBuiltinModule("node:crypto");
    const renewed = Object.entries(news).some(([name, digest]) => name in olds && olds[name] !== digest);
    return { outs: { digests: news, value: renewed ? randomUUID() : value } };
  },
};

/**
 * What members have for themselves, as one word for all of them: another one when a member's files have changed, and the
 * same when a member comes or goes. A digest over all of them could not tell the two apart, and would restart everybody for
 * each member that is added.
 */
export class Generation extends pulumi.dynamic.Resource {
  declare readonly value: pulumi.Output<string>;

  constructor(
    name: string,
    args: { readonly digests: Record<string, pulumi.Input<string>> },
    opts?: pulumi.CustomResourceOptions,
  ) {
    super(generationProvider, name, { ...args, value: undefined }, opts, "kubernetes", "Generation");
  }
}
