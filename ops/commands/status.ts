import { defineCommand } from "../define-command.ts";
import { expectedMembers } from "../expected.ts";
import { formatStatus, readStatus } from "../stack-status.ts";

export const command = defineCommand({
  usage: "status",
  summary: "One table: every part, its role, health, lag and address. Exit code 0 only if all is well.",
  changes: false,
  examples: [
    ["status", "the table, and what is wrong below it"],
    ["status --json", "the same for a program"],
  ],
  run: async ({ stack }) => {
    const status = await readStatus(stack.platform, expectedMembers(stack.settings));
    return { ok: status.well, text: formatStatus(status), data: status };
  },
});
