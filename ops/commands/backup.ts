import { Option } from "commander";
import { repositoryHost, runOnRepository } from "../backup/repository.ts";
import { defineCommand } from "../define-command.ts";

interface Options {
  readonly type: "full" | "incr";
}

interface Taken {
  readonly label: string;
  readonly type: string;
}

/** A full backup of a large ledger takes its time; a day is beyond any. */
const SECONDS = 86_400;

export const command = defineCommand<Options>({
  usage: "backup",
  summary:
    "Takes a backup of PostgreSQL now, beside those of the schedule, and drops what is beyond the retention. Writes go on.",
  changes: true,
  examples: [
    ["backup", "what has changed since the newest backup"],
    ["backup --type full", "everything anew"],
    ["backup --dry-run", "from which member it would be taken"],
  ],
  options: (command) =>
    command.addOption(
      new Option("--type <type>", "an increment, or everything").choices(["full", "incr"]).default("incr"),
    ),
  run: async ({ stack, options, dryRun, say }) => {
    repositoryHost(stack);
    const { leader } = await stack.patroni.ledView();
    if (dryRun)
      return {
        text: `A backup of type ${options.type} would be taken from ${leader}.`,
        data: { type: options.type, from: leader },
      };
    say(`taking a backup from ${leader}`);
    const started = Date.now();
    const { label, type } = await runOnRepository<Taken>(stack, ["backup-take", options.type], SECONDS);
    const data = { label, type, from: leader, seconds: (Date.now() - started) / 1_000 };
    // An increment without a full backup to stand on becomes one.
    return { text: `${label} (${type}) is in the repository after ${data.seconds.toFixed(1)} s.`, data };
  },
});
