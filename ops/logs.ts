import { Command } from "commander";
import { Failure, runCommand } from "../tools/failure.ts";
import { stackSettings } from "../tools/stack/settings.ts";
import { readableLine } from "./log-line.ts";
import { openPlatform } from "./open-platform.ts";

const command = new Command("logs")
  .description("Prints the log of a part, of all its members or of one.")
  .argument("<part>", "part or member: postgres, or postgres-0")
  .option("--stack <name>", "which stack", "dev")
  .option("-f, --follow", "go on with new lines", false)
  .option("-n, --tail <lines>", "lines from the end of each log", "200")
  .option("--raw", "lines as they were written: JSON where the part can", false);

interface Options {
  readonly stack: string;
  readonly follow: boolean;
  readonly tail: string;
  readonly raw: boolean;
}

await runCommand(async () => {
  command.parse();
  const [wanted = ""] = command.args;
  const { stack, follow, tail, raw } = command.opts<Options>();
  if (!/^\d+$/.test(tail)) throw new Failure(`--tail is "${tail}"; use a whole number of lines.`);
  const inventory = await openPlatform(stack, stackSettings(stack));
  const all = await inventory.members();
  const members = all.filter(({ part, name }) => part === wanted || name === wanted);
  if (members.length === 0) {
    const parts = [...new Set(all.map(({ part }) => part))].join(", ");
    throw new Failure(
      `There is no part "${wanted}" in the stack "${stack}". There are: ${parts || "none, it is down"}.`,
    );
  }
  const width = Math.max(...members.map(({ name }) => name.length));
  const results = await Promise.all(
    members.map((member) =>
      inventory.logs(member, { tail: Number(tail), follow }, (written) => {
        const line = raw ? written : readableLine(written);
        process.stdout.write(members.length === 1 ? `${line}\n` : `${member.name.padEnd(width)} | ${line}\n`);
      }),
    ),
  );
  return results.every(({ code }) => code === 0) ? 0 : 1;
});
