import { defineCommand } from "../define-command.ts";
import { maintainTables } from "../postgres/tables.ts";

export const command = defineCommand({
  usage: "vacuum [tables...]",
  summary:
    "Frees dead rows and renews statistics, of all tables or of some, on the primary. Reads and writes go on.",
  changes: true,
  examples: [
    ["vacuum balances", "one table"],
    ["vacuum --dry-run", "all tables with their dead rows"],
  ],
  run: ({ stack, args, dryRun, say }) => maintainTables(stack, "VACUUM (ANALYZE)", args, dryRun, say),
});
