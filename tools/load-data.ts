import { Command, Option } from "commander";
import { readConnection } from "../ops/connection-store.ts";
import { runCommand } from "./failure.ts";
import { Progress } from "./setup/progress.ts";
import { loadData } from "./stack/data.ts";
import { pulumiEnvironment } from "./stack/local-state.ts";

const command = new Command("data")
  .description("Loads an invented ledger into a developer's empty database and checks it.")
  .addOption(
    new Option("--size <size>", "10k, 500k or 5M transactions")
      .choices(["test", "dev", "load"])
      .default("dev"),
  )
  .option("--stack <name>", "which stack", "dev");

await runCommand(async () => {
  const { stack, size } = command.parse().opts<{ stack: string; size: "test" | "dev" | "load" }>();
  const connection = await readConnection(stack, pulumiEnvironment(stack));
  await new Progress().step(`data (${size})`, (step) => loadData(step, stack, connection, size));
  return 0;
});
