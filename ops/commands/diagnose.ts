import { defineCommand } from "../define-command.ts";
import { diagnose, formatDiagnosis } from "../diagnose/diagnose.ts";

export const command = defineCommand({
  usage: "diagnose",
  summary:
    "Looks at processors, memory, disks, locks, transactions, statements, pools, replicas, caches and the API, and ends with " +
    "the likely cause of what is wrong and what to do about it. Exit code 0 only if nothing is.",
  changes: false,
  examples: [
    ["diagnose", "every figure, the bad ones first, and the likely cause; takes some seconds"],
    ["diagnose --json", "the same for a program"],
  ],
  run: async ({ stack }) => {
    const diagnosis = await diagnose(stack);
    return { ok: diagnosis.cause === undefined, text: formatDiagnosis(diagnosis), data: diagnosis };
  },
});
