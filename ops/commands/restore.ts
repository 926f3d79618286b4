import { repositoryHost } from "../backup/repository.ts";
import { defineCommand } from "../define-command.ts";
import { lockOperation } from "../operation-lock.ts";
import { Refusal } from "../refusal.ts";
import { beginAnew, founderOf } from "../restore/begin-anew.ts";
import { adoptDatabase, bring, refuseFilled } from "../restore/bring.ts";
import { readTarget, type TargetOptions } from "../restore/target.ts";
import { describe, tryRestore } from "../restore/trial.ts";
import { openStack, type RunningStack } from "../running-stack.ts";

interface Options extends TargetOptions {
  readonly inPlace: boolean;
  readonly into?: string;
  readonly confirm?: string;
}

export const command = defineCommand<Options>({
  usage: "restore",
  summary:
    "Restores PostgreSQL from the repository up to a time, a position or the end. First on trial, so that a target that can not " +
    "be reached changes nothing. Then the members begin anew from it, the replicas are copied, roles and schema are brought up to " +
    "date, the cache is emptied and the API restarted. A repeat completes what was cut off.",
  changes: true,
  // "npm run up", which it starts, takes the turn.
  alone: false,
  examples: [
    [
      "restore --to-time 2026-01-31T08:15:00Z --in-place --dry-run",
      "restores on trial, and tells what would be there",
    ],
    [
      "restore --to-time 2026-01-31T08:15:00Z --in-place --confirm dev",
      "takes the stack dev back to that moment: what came after it is gone from the database",
    ],
    ["restore --to-lsn 0/1A2B3C4D --in-place --confirm dev", "up to the commit at that position"],
    [
      "restore --latest --into copy",
      "fills the empty stack copy (npm run up -- --stack copy --data none) with the state of dev",
    ],
    [
      "restore --latest --in-place --confirm dev",
      "all that is archived: the members' own data is lost or damaged",
    ],
  ],
  options: (command) =>
    command
      .option("--to-time <time>", "RFC 3339, with its zone: the last commit is the last one before it")
      .option("--to-lsn <position>", "position in the log: the last commit is at or before it")
      .option("--latest", "all that is archived")
      .option("--timeline <number>", "along which timeline, where the way back forks; default: the newest")
      .option("--into <stack>", "into another stack of the same kind, which is up and empty")
      .option("--in-place", "into this stack, whose data it replaces", false)
      .option("--confirm <stack>", "name of the stack whose data is replaced"),
  run: async ({ stack, options, dryRun, say }) => {
    const { name } = stack;
    const target = readTarget(options, new Date());
    repositoryHost(stack);
    const into = await openGoal(stack, options);
    if (!dryRun && into === stack && options.confirm !== name)
      throw new Refusal(
        `This replaces the data of the stack "${name}" by its state of ${target.text}. Look at it with --dry-run, and repeat with ` +
          `--confirm ${name}.`,
      );
    const view = await into.patroni.view().catch(() => undefined);
    if (view?.paused)
      throw new Refusal(
        `Automatic failover of "${into.name}" is paused. "npm run ops -- resume" ends that; then repeat.`,
      );
    if (!dryRun) for (const { name } of new Set([stack, into])) lockOperation(name, "ops restore");
    const started = Date.now();
    say(`restoring on trial up to ${target.text}`);
    const receiver = dryRun || into === stack ? undefined : await founderOf(into);
    const found =
      receiver === undefined ? await tryRestore(stack, target) : await bring(stack, target, into, receiver);
    say(describe(found));
    if (dryRun)
      return {
        text: `${describe(found)} The stack "${into.name}" would be taken there; nothing of it was touched.`,
        data: found,
      };
    const source = into === stack ? { options: target.options, ends: target.ends } : { ends: true };
    await beginAnew(into, { ...source, founder: receiver ?? (await founderOf(into)) }, found, say);
    if (into !== stack) await adoptDatabase(into);
    const seconds = Math.round((Date.now() - started) / 1_000);
    return {
      text:
        `The stack "${into.name}" is at ${target.text} after ${seconds} s: ${found.blocks} blocks up to height ${found.height}, with ` +
        "the hashes of the trial; every member follows.",
      data: { ...found, seconds },
    };
  },
});

/** The stack whose data is replaced. @throws Refusal where not exactly one is named, or it is not up and empty */
async function openGoal(stack: RunningStack, { inPlace, into }: Options): Promise<RunningStack> {
  if (inPlace === (into !== undefined))
    throw new Refusal(
      "Say into what: --into <stack>, an empty one beside this, or --in-place, which replaces its own data.",
    );
  if (into === undefined) return stack;
  if (into === stack.name) throw new Refusal(`--into ${into} is the stack itself: that is --in-place.`);
  const goal = await openStack(into);
  if (stack.settings.target !== goal.settings.target)
    throw new Refusal(
      `The stack "${stack.name}" runs on ${stack.settings.target}, and "${into}" on ${goal.settings.target}; --into goes from one to ` +
        "another of the same kind. Name one that is.",
    );
  await refuseFilled(goal);
  return goal;
}
