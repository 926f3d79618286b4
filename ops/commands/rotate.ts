import { defineCommand } from "../define-command.ts";
import { lockOperation } from "../operation-lock.ts";
import { Refusal } from "../refusal.ts";
import { keysAfter, refuseEarlyFinish, rotateTokenKey, signingSince } from "../rotate/token-key.ts";

interface Options {
  readonly finish: boolean;
  readonly tokenLife: string;
}

export const command = defineCommand<Options>({
  usage: "rotate <credential>",
  summary:
    'Replaces a credential in two steps, without a restart. "token-key": a new key signs the API\'s tokens while those of the ' +
    "former are still accepted; --finish withdraws the former. Each step writes api.tokenKeys into the stack's file and applies " +
    'that file as "npm run up" does. A repeat completes what was cut off.',
  changes: true,
  // "npm run up", which it starts, takes the turn.
  alone: false,
  examples: [
    ["rotate token-key", "a new key signs; tokens of the former one stay valid"],
    ["rotate token-key --dry-run", "which keys would be in force"],
    ["rotate token-key --finish", "tokens of the former key are refused from now on"],
    ["rotate token-key --finish --token-life 0", "at once: the former key is known to others"],
  ],
  options: (command) =>
    command
      .option("--finish", "withdraw the former key", false)
      .option("--token-life <seconds>", "longest life of the former key's tokens", "3600"),
  run: async ({ stack, args: [credential = ""], options: { finish, tokenLife }, dryRun, say }) => {
    const { name, settings } = stack;
    const file = `Pulumi.${name}.yaml`;
    if (credential !== "token-key")
      throw new Refusal(`There is no credential "${credential}" that can be rotated. There is: token-key.`);
    const life = Number(tokenLife);
    if (!Number.isInteger(life) || life < 0)
      throw new Refusal(`--token-life is "${tokenLife}"; it has to be whole seconds, at least 0.`);
    const before = settings.api.tokenKeys;
    const keys = keysAfter(before, finish);
    if (settings.target === "kubernetes")
      throw new Refusal(
        `This command is for stacks on Docker. On Kubernetes set api.tokenKeys to [${keys.join(", ")}] in ${file} and run ` +
          `"npm run up -- --stack ${name}": the instances are replaced one by one, and accept all keys that stand there.`,
      );
    const repeated = keys.join() === before.join();
    if (finish && !repeated) refuseEarlyFinish(await signingSince(stack), life, new Date());
    if (dryRun)
      return {
        text: repeated
          ? `${file} says already what this step leads to, api.tokenKeys [${keys.join(", ")}]; it would be applied again and checked.`
          : `Would change api.tokenKeys in ${file} from [${before.join(", ")}] to [${keys.join(", ")}] and apply it.`,
        data: { before, keys },
      };
    lockOperation(name, `ops rotate ${credential}${finish ? " --finish" : ""}`);
    const rotated = await rotateTokenKey(stack, keys, say);
    const [former, signs] = keys.length > 1 ? keys : [undefined, keys[0]];
    return {
      text: [
        `After ${rotated.seconds} s: key ${signs} (${rotated.kid}) signs, and ${rotated.instances.join(", ")} accept its tokens` +
          (former === undefined ? " and no others." : `, and still those of key ${former}.`),
        `${file} has api.tokenKeys [${keys.join(", ")}] now: keep that.`,
        ...(former === undefined
          ? []
          : [
              'When the last of the former key\'s tokens has expired: "npm run ops -- rotate token-key --finish".',
            ]),
      ].join("\n"),
      data: rotated,
    };
  },
});
