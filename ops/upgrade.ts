import { Command } from "commander";
import { Failure, runCommand } from "../tools/failure.ts";
import { EXIT, Refusal } from "./refusal.ts";
import { hasWriters, progressOf } from "./upgrade/replication.ts";
import { Side } from "./upgrade/side.ts";
import { beginFollowing, changeSides, describe, finish, prepare, type Sides } from "./upgrade/steps.ts";

interface Options {
  readonly before: string;
  readonly after: string;
  readonly beforeAddress: string;
  readonly afterAddress: string;
  readonly compare: boolean;
}

const change =
  (direction: "there" | "back") =>
  async ({ before, after, say }: Sides, { compare }: Options): Promise<void> => {
    const [from, to] = direction === "there" ? [before, after] : [after, before];
    const { held } = await changeSides({ from, to, say }, { compare });
    if (held) say(`Both held the same in ${held.length} tables and sequences.`);
  };

/** In the order in which they are run; docs/upgrade.md has what is done in between. */
const STEPS: Record<string, (sides: Sides, options: Options) => Promise<void>> = {
  prepare,
  follow: beginFollowing,
  progress: async ({ before, after, say }) =>
    say(describe(await ((await hasWriters(after)) ? progressOf(before, after) : progressOf(after, before)))),
  switch: change("there"),
  back: change("back"),
  finish,
};

const command = new Command("upgrade")
  .description(
    "Moves the ledger into a second cluster, of a newer major version of PostgreSQL, with a way back: docs/upgrade.md.",
  )
  .argument("<step>", Object.keys(STEPS).join(", "))
  .requiredOption("--before <command>", "runs a program, with its input, in the old cluster's leader")
  .requiredOption("--after <command>", "the same for the new cluster")
  .requiredOption(
    "--before-address <conninfo>",
    "how the new cluster reaches the old one, without a password",
  )
  .requiredOption("--after-address <conninfo>", "how the old cluster reaches the new one")
  .option("--no-compare", "switch, back: compare no rows while writers wait");

await runCommand(async () => {
  const [name = ""] = command.parse().args;
  const step = STEPS[name];
  if (!step) throw new Failure(`There is no step "${name}"; there are ${Object.keys(STEPS).join(", ")}.`);
  const options = command.opts<Options>();
  const say = (line: string) => void process.stdout.write(`${line}\n`);
  try {
    await step(
      {
        before: new Side("the old cluster", options.before, options.beforeAddress),
        after: new Side("the new cluster", options.after, options.afterAddress),
        say,
      },
      options,
    );
    return EXIT.done;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    process.stderr.write(`Refused. ${error.message}\n`);
    return EXIT.refused;
  }
});
