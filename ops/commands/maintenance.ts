import { defineCommand } from "../define-command.ts";
import { sessionOptions, withSession } from "../postgres/session.ts";
import { chooseTasks, runTasks, UPKEEP } from "../postgres/upkeep.ts";
import { formatTable } from "../table.ts";

const TASKS = UPKEEP.map(({ name, summary }) => `"${name}" (${summary})`).join(", ");

export const command = defineCommand({
  usage: "maintenance [tasks...]",
  summary:
    `What a schedule would run on the primary: ${TASKS}. Reads and writes go on, and no row of the ledger is touched. ` +
    "Exit code 0 only if every task was done.",
  changes: true,
  examples: [
    ["maintenance", "all tasks"],
    ["maintenance --dry-run", "what is due"],
    ["maintenance partitions view", "these two"],
  ],
  run: async ({ stack, args, dryRun }) => {
    const tasks = chooseTasks(args);
    const connection = await stack.connection();
    const options = sessionOptions(connection, connection.writer, "owner", {
      application_name: "dujyo-maintenance",
    });
    const results = await withSession(options, (session) => runTasks(session, tasks, dryRun));
    const rows = results.map(({ task, ok, result, seconds }) => [
      task,
      ok ? result : `FAILED: ${result}`,
      seconds.toFixed(2),
    ]);
    return {
      ok: results.every(({ ok }) => ok),
      text: formatTable(["task", "result", "seconds"], rows),
      data: results,
    };
  },
});
