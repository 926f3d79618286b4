import { defineCommand } from "../define-command.ts";
import { planRestart, rollingRestart } from "../rolling-restart.ts";

export const command = defineCommand({
  usage: "restart <part>",
  summary:
    "Restarts the members of a part one at a time; the next one's turn comes when the part is whole again.",
  changes: true,
  examples: [
    ["restart postgres", "the replicas, then the leader, which hands over"],
    ["restart redis", "each shard's replicas first"],
    ["restart pgbouncer --dry-run", "in which order"],
  ],
  run: async ({ stack, args: [part = ""], dryRun, say }) => {
    const plan = await planRestart(stack, part);
    const names = plan.map(({ name }) => name);
    if (dryRun) return { text: `Would restart, in this order: ${names.join(", ")}.`, data: { order: names } };
    const started = Date.now();
    await rollingRestart(stack, plan, say);
    const seconds = Math.round((Date.now() - started) / 1_000);
    return { text: `Restarted ${names.join(", ")} in ${seconds} s.`, data: { order: names, seconds } };
  },
});
