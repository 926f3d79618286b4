import { defineCommand } from "../define-command.ts";
import { maintainTables } from "../postgres/tables.ts";

export const command = defineCommand({
  usage: "analyze [tables...]",
  summary: "Renews the planner's statistics, of all tables or of some, on the primary.",
  changes: true,
  examples: [
    ["analyze", "all tables, one after the other"],
    ["analyze balances transactions", "these two"],
  ],
  run: ({ stack, args, dryRun, say }) => maintainTables(stack, "ANALYZE", args, dryRun, say),
});
