import { readdirSync } from "node:fs";
import { join } from "node:path";
import { type Command, CommanderError, program } from "commander";
import { runCommand } from "../tools/failure.ts";
import { EXIT } from "./refusal.ts";

/** Every file in the folder `commands` is one command: what it exports as `command`. */
async function commands(): Promise<Command[]> {
  const folder = join(import.meta.dirname, "commands");
  const files = readdirSync(folder).filter((file) => file.endsWith(".ts"));
  const modules = await Promise.all(
    files.sort().map((file) => import(join(folder, file)) as Promise<{ command: Command }>),
  );
  return modules.map(({ command }) => command);
}

program
  .name("npm run ops --")
  .description("Works on a running stack. Each command has examples: npm run ops -- <command> --help")
  .showHelpAfterError();

await runCommand(async () => {
  for (const command of await commands())
    program.addCommand(command.exitOverride().copyInheritedSettings(program));
  program.exitOverride();
  try {
    await program.parseAsync();
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  }
  return Number(process.exitCode ?? EXIT.done);
});
