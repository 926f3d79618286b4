import type { Settings } from "../../infra/settings/schema.ts";
import { Failure } from "../failure.ts";
import { ensureKubernetesPlugin } from "../setup/kubernetes-plugin.ts";
import { Progress, type Step } from "../setup/progress.ts";
import { ensurePulumiEngine } from "../setup/pulumi-engine.ts";
import { deploy } from "./deploy.ts";
import { requireCluster } from "./kubernetes-cluster.ts";
import { ensureLocalState, pulumiEnvironment, removeStackConfig } from "./local-state.ts";
import { releaseStaleLock } from "./lock.ts";
import { objections, type Plan } from "./plan-guard.ts";
import { Pulumi } from "./pulumi.ts";
import { destroyableUrns, type Snapshot, withoutPending } from "./snapshot.ts";

/** The same for every command: the cluster is looked at, the engine is there, the state is free. */
async function prepare(
  stack: string,
  settings: Settings,
): Promise<{ progress: Progress; pulumi: Pulumi; snapshot: Snapshot | undefined }> {
  const progress = new Progress();
  await progress.step("cluster", async () => void (await requireCluster(settings)));
  await progress.step("Pulumi engine", ensurePulumiEngine);
  await progress.step("Pulumi Kubernetes plugin", ensureKubernetesPlugin);
  const pulumi = new Pulumi(stack, pulumiEnvironment(stack));
  const snapshot = await progress.step("state", (step) => state(step, pulumi));
  return { progress, pulumi, snapshot };
}

async function state(step: Step, pulumi: Pulumi): Promise<Snapshot | undefined> {
  ensureLocalState(pulumi.stack, pulumi.environment);
  await releaseStaleLock(step, pulumi);
  const snapshot = await pulumi.export();
  const pending = snapshot?.deployment.pending_operations ?? [];
  if (!snapshot || pending.length === 0) return snapshot;
  step.note(`clearing ${pending.length} operations that were cut off`);
  await pulumi.import(withoutPending(snapshot));
  return pulumi.export();
}

/** Brings a stack on Kubernetes to what its settings say. */
export async function upOnKubernetes(stack: string, settings: Settings): Promise<number> {
  const { progress, pulumi, snapshot } = await prepare(stack, settings);
  if (!snapshot) await pulumi.create();
  const summary = await progress.step("pulumi up", (step) => deploy(step, pulumi, "up"));
  process.stdout.write(`\n${progress.table()}\n\nPulumi: ${summary}\n`);
  return 0;
}

/**
 * Shows what an `up` would do, and refuses a plan that takes data away or breaks a policy.
 *
 * @returns 0 where nothing speaks against it, else 1
 */
export async function previewOnKubernetes(stack: string, settings: Settings): Promise<number> {
  const { progress, pulumi, snapshot } = await prepare(stack, settings);
  if (!snapshot) await pulumi.create();
  const plan = await progress.step("pulumi preview", async () => {
    const args = ["preview", "--json", "--show-sames", "--stack", stack];
    return JSON.parse(await pulumi.mustRun(args)) as Plan;
  });
  const counts = new Map<string, number>();
  for (const { op } of plan.steps ?? []) counts.set(op, (counts.get(op) ?? 0) + 1);
  const against = objections(stack, settings, plan);
  process.stdout.write(`\n${[...counts].map(([op, count]) => `${count} ${op}`).join(", ")}\n`);
  if (against.length === 0) return 0;
  throw new Failure(["This plan is refused:", ...against.map((line) => `  ${line}`)].join("\n"));
}

/** Removes a stack from Kubernetes; volumes, and the secrets that open them, stay unless `volumes` is given. */
export async function downOnKubernetes(stack: string, settings: Settings, volumes: boolean): Promise<number> {
  const { progress, pulumi, snapshot } = await prepare(stack, settings);
  if (!snapshot) {
    process.stdout.write(`There is no stack "${stack}"; nothing to remove.\n`);
    return 0;
  }
  const urns = destroyableUrns(snapshot).flatMap((urn) => ["--target", urn]);
  const summary = await progress.step("pulumi destroy", async (step) => {
    if (!volumes) return urns.length === 0 ? "nothing to do" : deploy(step, pulumi, "destroy", urns);
    const done = await deploy(step, pulumi, "destroy");
    await pulumi.mustRun(["stack", "rm", stack, "--yes", "--preserve-config"]);
    removeStackConfig(stack);
    return done;
  });
  process.stdout.write(`\n${progress.table()}\n\nPulumi: ${summary}\n`);
  if (!volumes) process.stdout.write('The data is kept: "npm run up" goes on with it.\n');
  return 0;
}
