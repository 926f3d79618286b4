import { Command } from "commander";
import { runCommand } from "../tools/failure.ts";
import { stackSettings } from "../tools/stack/settings.ts";
import { DockerInventory } from "./docker-inventory.ts";
import { expectedMembers } from "./expected.ts";
import { formatStatus, readStatus } from "./stack-status.ts";

const command = new Command("status")
  .description("One table: every part, its role, health, lag and address. Exit code 0 only if all is well.")
  .option("--stack <name>", "which stack", "dev")
  .option("--json", "print JSON", false);

await runCommand(async () => {
  const { stack, json } = command.parse().opts<{ stack: string; json: boolean }>();
  const status = await readStatus(new DockerInventory(stack), expectedMembers(stackSettings(stack)));
  process.stdout.write(`${json ? JSON.stringify(status, undefined, 2) : formatStatus(status)}\n`);
  return status.well ? 0 : 1;
});
