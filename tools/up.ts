import { Command, Option } from "commander";
import type { Settings } from "../infra/settings/schema.ts";
import { DockerInventory } from "../ops/docker-inventory.ts";
import { expectedMembers } from "../ops/expected.ts";
import { formatStatus, readStatus, type Status } from "../ops/stack-status.ts";
import { Failure, runCommand } from "./failure.ts";
import { ensureBaseImage } from "./setup/base-image.ts";
import { ensureDockerEngine } from "./setup/docker-engine.ts";
import { ensureDockerPlugin } from "./setup/docker-plugin.ts";
import { refuseTakenPorts, wantedPorts } from "./setup/ports.ts";
import { Progress, type Step } from "./setup/progress.ts";
import { ensureProjectImages } from "./setup/project-images.ts";
import { ensurePulumiEngine } from "./setup/pulumi-engine.ts";
import { chooseData, type DataChoice, loadDataOnce } from "./stack/data.ts";
import { deploy } from "./stack/deploy.ts";
import { type DockerObjects, dockerObjects } from "./stack/docker-objects.ts";
import { refuseFixedChanges } from "./stack/fixed-settings.ts";
import { heal, refuseForeign } from "./stack/heal.ts";
import { ensureLocalState, pulumiEnvironment } from "./stack/local-state.ts";
import { releaseStaleLock } from "./stack/lock.ts";
import { upOnKubernetes } from "./stack/on-kubernetes.ts";
import { Pulumi } from "./stack/pulumi.ts";
import { forget, isBeingRemoved, removeWithData } from "./stack/removal.ts";
import { stackSettings } from "./stack/settings.ts";
import type { Snapshot } from "./stack/snapshot.ts";
import { takeTurn } from "./stack/turn.ts";

/** Longest wait for every part to be well after the engine has done its work. */
const WELL_SECONDS = 180;

const command = new Command("up")
  .description(
    "Brings the stack up from nothing, or to what the settings say. Safe to repeat, also after being killed.",
  )
  .option("--stack <name>", "which stack", "dev")
  .addOption(
    new Option("--data <size>", "what goes into an empty ledger; default: the setting ledger.data").choices([
      "none",
      "test",
      "dev",
      "load",
    ]),
  );

/** Everything that is only looked at comes first, so that a refusal leaves the machine as it was. */
async function up(stack: string, asked?: DataChoice): Promise<number> {
  // What is wrong with them is told before any wait; what holds is what they say after it.
  chooseData(stack, stackSettings(stack), asked);
  await takeTurn();
  const settings = stackSettings(stack);
  const data = chooseData(stack, settings, asked);
  if (settings.target === "kubernetes") return upOnKubernetes(stack, settings, data);
  const progress = new Progress();
  await progress.step("Docker engine", ensureDockerEngine);
  const objects = await dockerObjects(stack);
  const refusePorts = () => refuseTakenPorts(wantedPorts(settings), heldPorts(objects));
  await refusePorts();
  await progress.step("base image", ensureBaseImage);
  await progress.step("Pulumi engine", ensurePulumiEngine);
  await progress.step("Pulumi Docker plugin", ensureDockerPlugin);
  await ensureProjectImages(progress);
  // An optional part runs if its image has come meanwhile.
  await refusePorts();

  const environment = pulumiEnvironment(stack);
  const pulumi = new Pulumi(stack, environment);
  await progress.step("state", (step) => prepareState(step, pulumi, settings, objects));
  const summary = await progress.step("pulumi up", (step) => deploy(step, pulumi, "up"));
  await loadDataOnce(progress, pulumi, settings, data);
  const status = await progress.step("all parts well", (step) => waitWell(step, stack));

  process.stdout.write(`\n${formatStatus(status)}\n\n${progress.table()}\n\nPulumi: ${summary}\n`);
  if (!status.well)
    throw new Failure(`Not all is well after ${WELL_SECONDS} s; see "npm run logs -- <part>".`);
  return 0;
}

function heldPorts(objects: DockerObjects): Set<number> {
  return new Set(objects.containers.flatMap(({ ports }) => ports));
}

async function prepareState(
  step: Step,
  pulumi: Pulumi,
  settings: Settings,
  objects: DockerObjects,
): Promise<void> {
  ensureLocalState(pulumi.stack, pulumi.environment);
  await releaseStaleLock(step, pulumi);
  let snapshot = await pulumi.export();
  refuseForeign(pulumi.stack, snapshot, objects);
  if (isBeingRemoved(pulumi.stack)) {
    await endRemoval(step, pulumi, snapshot);
    snapshot = undefined;
  }
  refuseFixedChanges(settings, snapshot);
  if (snapshot) await heal(step, pulumi, snapshot);
  else await pulumi.create();
}

/** What a removal with the data that was cut off has left does not fit together: it goes, and the stack is made anew. */
async function endRemoval(step: Step, pulumi: Pulumi, snapshot: Snapshot | undefined): Promise<void> {
  step.note("ending a removal of the data that was cut off");
  if (!snapshot) return forget(pulumi.stack);
  await heal(step, pulumi, snapshot, { start: false });
  await removeWithData(step, pulumi);
}

/** Containers that were there before the engine began may still be on their way up. */
async function waitWell(step: Step, stack: string): Promise<Status> {
  const deadline = Date.now() + WELL_SECONDS * 1000;
  const inventory = new DockerInventory(stack);
  for (;;) {
    const status = await readStatus(inventory, expectedMembers(stackSettings(stack)));
    if (status.well || Date.now() > deadline) return status;
    step.line(status.problems[0] ?? "");
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

await runCommand(async () => {
  const { stack, data } = command.parse().opts<{ stack: string; data?: DataChoice }>();
  return up(stack, data);
});
