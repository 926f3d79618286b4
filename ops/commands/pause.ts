import { defineCommand } from "../define-command.ts";
import { setPaused } from "../postgres/automatic-failover.ts";

export const command = defineCommand({
  usage: "pause",
  summary:
    "Pauses automatic failover, for work on PostgreSQL itself: until it is resumed, a lost leader stays lost.",
  changes: true,
  examples: [
    ["pause", "ends when every member knows"],
    ["resume", "takes it back"],
  ],
  run: async ({ stack, dryRun }) => {
    const data = await setPaused(stack, true, dryRun);
    const done = dryRun ? "would be paused" : 'is paused. "npm run ops -- resume" takes it back';
    return { text: `Automatic failover ${data.was ? "was paused already" : done}.`, data };
  },
});
