import { Command } from "commander";
import { explainSettings } from "../infra/settings/explain.ts";
import { formatTable } from "../ops/table.ts";
import { runCommand } from "./failure.ts";
import { stackFile } from "./stack/settings.ts";

const program = new Command("config").description("Tells what a stack's settings are.");

program
  .command("explain")
  .description("Every setting with its value, where that comes from, and what it means.")
  .requiredOption("--stack <name>", "which stack")
  .option("--changed", "only what the stack file says")
  .option("--json", "for programs")
  .action(({ stack, changed, json }: { stack: string; changed?: true; json?: true }) =>
    runCommand(async () => {
      const { settings, given } = stackFile(stack);
      const explained = explainSettings(settings, given).filter(
        ({ origin }) => !changed || origin === "stack",
      );
      process.stdout.write(
        json
          ? `${JSON.stringify(explained, undefined, 2)}\n`
          : `${formatTable(
              ["setting", "value", "origin", "meaning"],
              explained.map(({ path, value, origin, meaning }) => [
                path,
                JSON.stringify(value).replaceAll('"', ""),
                origin === "stack" ? `Pulumi.${stack}.yaml` : "default",
                meaning,
              ]),
            )}\n`,
      );
      return 0;
    }),
  );

await program.parseAsync();
