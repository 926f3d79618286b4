import { Command } from "commander";
import { runCommand } from "./failure.ts";
import { ensureDockerEngine } from "./setup/docker-engine.ts";
import { ensureDockerPlugin } from "./setup/docker-plugin.ts";
import { Progress, type Step } from "./setup/progress.ts";
import { ensurePulumiEngine } from "./setup/pulumi-engine.ts";
import { deploy } from "./stack/deploy.ts";
import { dockerObjects } from "./stack/docker-objects.ts";
import { heal, refuseForeign } from "./stack/heal.ts";
import { ensureLocalState, pulumiEnvironment } from "./stack/local-state.ts";
import { releaseStaleLock } from "./stack/lock.ts";
import { downOnKubernetes } from "./stack/on-kubernetes.ts";
import { Pulumi } from "./stack/pulumi.ts";
import { forget, isBeingRemoved, removeWithData } from "./stack/removal.ts";
import { stackSettings } from "./stack/settings.ts";
import { destroyableUrns, type Snapshot } from "./stack/snapshot.ts";
import { takeTurn } from "./stack/turn.ts";

const command = new Command("down")
  .description("Stops and removes the stack. Data volumes, and the secrets that open them, stay.")
  .option("--stack <name>", "which stack", "dev")
  .option("--volumes", "remove the data and the secrets, too", false);

async function down(stack: string, volumes: boolean): Promise<number> {
  await takeTurn();
  const settings = stackSettings(stack);
  if (settings.target === "kubernetes") return downOnKubernetes(stack, settings, volumes);
  const progress = new Progress();
  await progress.step("Docker engine", ensureDockerEngine);
  await progress.step("Pulumi engine", ensurePulumiEngine);
  await progress.step("Pulumi Docker plugin", ensureDockerPlugin);
  const pulumi = new Pulumi(stack, pulumiEnvironment(stack));
  const snapshot = await progress.step("state", (step) => prepareState(step, pulumi));
  if (!snapshot) {
    forget(stack);
    process.stdout.write(`There is no stack "${stack}"; nothing to remove.\n`);
    return 0;
  }
  const begun = isBeingRemoved(stack);
  const withData = volumes || begun;
  const summary = await progress.step("pulumi destroy", async (step) => {
    if (begun && !volumes) step.note("ending a removal of the data that was cut off");
    return withData ? removeWithData(step, pulumi) : removeButData(step, pulumi, snapshot);
  });
  process.stdout.write(`\n${progress.table()}\n\nPulumi: ${summary}\n`);
  if (!withData) process.stdout.write('The data is kept: "npm run up" goes on with it.\n');
  return 0;
}

/** The state as it is once the leftovers of a run that was cut off are gone; undefined where there is none. */
async function prepareState(step: Step, pulumi: Pulumi): Promise<Snapshot | undefined> {
  ensureLocalState(pulumi.stack, pulumi.environment);
  await releaseStaleLock(step, pulumi);
  const snapshot = await pulumi.export();
  refuseForeign(pulumi.stack, snapshot, await dockerObjects(pulumi.stack));
  if (!snapshot) return undefined;
  await heal(step, pulumi, snapshot, { start: false });
  return pulumi.export();
}

async function removeButData(step: Step, pulumi: Pulumi, snapshot: Snapshot): Promise<string> {
  const urns = destroyableUrns(snapshot);
  if (urns.length === 0) return "nothing to do";
  return deploy(
    step,
    pulumi,
    "destroy",
    urns.flatMap((urn) => ["--target", urn]),
  );
}

await runCommand(async () => {
  const { stack, volumes } = command.parse().opts<{ stack: string; volumes: boolean }>();
  return down(stack, volumes);
});
