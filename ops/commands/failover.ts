import { Failure } from "../../tools/failure.ts";
import { defineCommand } from "../define-command.ts";
import { candidates, formatCandidates } from "../postgres/candidates.ts";
import { Refusal } from "../refusal.ts";

interface Options {
  readonly to?: string;
  readonly force?: boolean;
}

/** Longest wait for the new leader. */
const SECONDS = 60;

export const command = defineCommand<Options>({
  usage: "failover",
  summary:
    "Emergency: promotes a member when no leader is healthy and none was elected. Shows each candidate's position in the log " +
    "and what would be lost. Patroni promotes through its lock, so never two.",
  changes: true,
  examples: [
    ["failover --dry-run", "positions of all candidates, and what would be lost with each"],
    ["failover", "promotes the one that is furthest"],
    ["failover --to postgres-1 --force", "this one, although a leader is healthy or others are further"],
  ],
  options: (command) =>
    command
      .option("--to <member>", "the member to promote; default: the furthest")
      .option("--force", "also while the leader is healthy, or if log is lost", false),
  run: async ({ stack, options, dryRun, say }) => {
    const found = await candidates(stack);
    const table = formatCandidates(found);
    if (dryRun) return { text: table, data: found };
    say(table);
    if (found.leader && !options.force)
      throw new Refusal(
        `${found.leader} leads and is healthy. Use "npm run ops -- switchover", which loses nothing and lets clients wait; ` +
          "or repeat with --force.",
      );
    const chosen = options.to
      ? found.candidates.find(({ name }) => name === options.to)
      : found.candidates.find(({ answers }) => answers);
    if (!chosen?.answers) {
      const names = found.candidates.filter(({ answers }) => answers).map(({ name }) => name);
      throw new Refusal(
        `${options.to ?? "No member"} can be promoted. Candidates that answer: ${names.join(", ") || "none"}.`,
      );
    }
    if (chosen.behind_bytes !== 0 && !options.force)
      throw new Refusal(
        `${chosen.name} is ${chosen.behind_bytes ?? "an unknown number of"} B behind the furthest: they would be lost. ` +
          "Choose the furthest, or repeat with --force.",
      );
    const body = { candidate: chosen.name, ...(found.leader && { leader: found.leader }) };
    await stack.patroni.mustDo("POST", chosen.name, "/failover", { body, seconds: SECONDS });
    const deadline = Date.now() + SECONDS * 1_000;
    while ((await stack.patroni.view()).leader !== chosen.name) {
      if (Date.now() > deadline) throw new Failure(`${chosen.name} does not lead after ${SECONDS} s.`);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    return { text: `${chosen.name} leads.`, data: { ...found, promoted: chosen.name } };
  },
});
