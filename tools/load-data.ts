import { Command, Option } from "commander";
import { readSeed, readUntil } from "./data/options.ts";
import { keyRing } from "./data/personal-fields.ts";
import type { SizeName } from "./data/sizes.ts";
import { runCommand } from "./failure.ts";
import { Progress } from "./setup/progress.ts";
import { chooseData, fillLedger, withOwner } from "./stack/data.ts";
import { pulumiEnvironment } from "./stack/local-state.ts";
import { stackSettings } from "./stack/settings.ts";

interface Options {
  readonly stack: string;
  readonly size: SizeName;
  readonly seed: string;
  readonly until?: string;
}

const command = new Command("data")
  .description(
    "Loads an invented ledger into a developer's empty database and checks it. " +
      'A first "npm run up -- --data none" leaves it empty.',
  )
  .addOption(
    new Option("--size <size>", "10k, 500k or 5M transactions")
      .choices(["test", "dev", "load"])
      .default("dev"),
  )
  .option("--seed <number>", "another seed gives another ledger", "1")
  .option("--until <time>", "end of the history, as 2026-11-23T00:00:00Z; default: now")
  .option("--stack <name>", "which stack", "dev");

await runCommand(async () => {
  const { stack, size, seed, until } = command.parse().opts<Options>();
  const settings = stackSettings(stack);
  chooseData(stack, settings, size);
  const data = { size, seed: readSeed(seed), until: readUntil(until ?? new Date().toISOString()) };
  await new Progress().step(`data (${size})`, (step) =>
    withOwner({ stack, environment: pulumiEnvironment(stack) }, settings, (session, connection) =>
      fillLedger(step, session, { ...data, keys: keyRing(connection.personalKeys) }),
    ),
  );
  return 0;
});
