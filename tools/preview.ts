import { Command } from "commander";
import { Failure, runCommand } from "./failure.ts";
import { type PreviewOptions, previewOnKubernetes } from "./stack/on-kubernetes.ts";
import { stackSettings } from "./stack/settings.ts";
import { takeTurn } from "./stack/turn.ts";

const command = new Command("preview")
  .description("Shows what an up would do, and fails where data would go or a policy would be broken.")
  .requiredOption("--stack <name>", "which stack")
  .option("--report <file>", "write the plan as Markdown, for a comment on a change request")
  .option("--drift", "ask the cluster what there is, and fail if it is not what the program says");

await runCommand(async () => {
  const { stack, ...options } = command.parse().opts<{ stack: string } & PreviewOptions>();
  const settings = stackSettings(stack);
  if (settings.target !== "kubernetes")
    throw new Failure(
      `Stack "${stack}" runs on ${settings.target}; this command is for stacks on Kubernetes.`,
    );
  await takeTurn();
  return previewOnKubernetes(stack, settings, options);
});
