import { defineCommand } from "../define-command.ts";
import { setPaused } from "../postgres/automatic-failover.ts";

export const command = defineCommand({
  usage: "resume",
  summary: "Resumes automatic failover.",
  changes: true,
  examples: [["resume", "ends when every member knows"]],
  run: async ({ stack, dryRun }) => {
    const data = await setPaused(stack, false, dryRun);
    const done = dryRun ? "would be resumed" : "is at work again";
    return { text: `Automatic failover ${data.was ? done : "was at work already"}.`, data };
  },
});
