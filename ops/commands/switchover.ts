import { defineCommand } from "../define-command.ts";
import { allowedLag, chooseCandidate, handOver } from "../postgres/hand-over.ts";

interface Options {
  readonly to?: string;
}

export const command = defineCommand<Options>({
  usage: "switchover",
  summary:
    "Makes another member of PostgreSQL the leader, while the pooler's clients wait for some seconds instead of failing. " +
    "They go on at the latest after 12 s, also if this command is killed.",
  changes: true,
  examples: [
    ["switchover", "to whichever quorum standby is first; the quickest way"],
    ["switchover --to postgres-2", "to this one; takes about 2 s longer"],
    ["switchover --dry-run", "who would take over"],
  ],
  options: (command) => command.option("--to <member>", "the next leader; refused if it lags behind"),
  run: async ({ stack, options, dryRun, say }) => {
    const view = await stack.patroni.ledView();
    const candidate = chooseCandidate(view, allowedLag(stack), options.to);
    if (dryRun) {
      const data = { from: view.leader, candidates: options.to ? [candidate] : view.standbys };
      return { text: `${data.from} would hand over to ${data.candidates.join(" or ")}.`, data };
    }
    say(`handing over from ${view.leader}`);
    const done = await handOver(stack, options.to);
    await stack.patroni.whole(stack.settings.postgres.synchronousReplicas);
    return {
      text: `${done.to} leads in place of ${done.from}; clients of the pooler waited ${done.held_seconds.toFixed(1)} s.`,
      data: done,
    };
  },
});
