import { Command } from "commander";
import { Failure, runCommand } from "./failure.ts";
import { buildImages, pushImages } from "./images/push.ts";
import { ROOT } from "./layout.ts";
import { Progress } from "./setup/progress.ts";
import { stackSettings } from "./stack/settings.ts";

const program = new Command("images").description("The project's own images.");

program
  .command("build")
  .description("Builds those that have changed.")
  .action(() =>
    runCommand(async () => {
      const progress = new Progress();
      await buildImages(progress);
      process.stdout.write(`\n${progress.table()}\n`);
      return 0;
    }),
  );

program
  .command("push")
  .description(
    "Builds what has changed, pushes all to the stack's registry, and notes their digests in its stack file. Log in first: docker login.",
  )
  .requiredOption("--stack <name>", "which stack")
  .action(({ stack }: { stack: string }) =>
    runCommand(async () => {
      const { target, kubernetes } = stackSettings(stack);
      if (target !== "kubernetes")
        throw new Failure(`Stack "${stack}" runs on ${target}, which needs no registry.`);
      const progress = new Progress();
      await pushImages(progress, { stack, registry: kubernetes.registry, root: ROOT });
      process.stdout.write(
        `\n${progress.table()}\n\nTheir digests stand in Pulumi.${stack}.yaml; commit it.\n`,
      );
      return 0;
    }),
  );

await program.parseAsync();
