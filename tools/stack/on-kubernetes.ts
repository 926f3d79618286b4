import { writeFileSync } from "node:fs";
import type { Settings } from "../../infra/settings/schema.ts";
import { Failure } from "../failure.ts";
import { ensureKubernetesPlugin } from "../setup/kubernetes-plugin.ts";
import { Progress, type Step } from "../setup/progress.ts";
import { ensurePulumiEngine } from "../setup/pulumi-engine.ts";
import { type DataChoice, loadDataOnce } from "./data.ts";
import { deploy } from "./deploy.ts";
import { type Cluster, namespaceOf, reachCluster } from "./kubernetes-cluster.ts";
import { healOnKubernetes, holdingsOf, refuseForeignCluster } from "./kubernetes-heal.ts";
import { requireCluster, type StorageClass } from "./kubernetes-requirements.ts";
import { finishRollouts } from "./kubernetes-rollouts.ts";
import { ensureLocalState, pulumiEnvironment, removeStackConfig } from "./local-state.ts";
import { releaseStaleLock } from "./lock.ts";
import { changesOf, countsOf, makePlan, type Plan } from "./plan.ts";
import { refuseBadPlan } from "./plan-guard.ts";
import { planReport } from "./plan-report.ts";
import { Pulumi } from "./pulumi.ts";
import { destroyableUrns, resourcesOf, type Snapshot } from "./snapshot.ts";

interface Prepared {
  readonly cluster: Cluster;
  readonly progress: Progress;
  readonly pulumi: Pulumi;
  /** The state; undefined where there is none yet. */
  readonly snapshot: Snapshot | undefined;
}

/**
 * The same for every command: the engine is there, the state is free and fits the cluster.
 *
 * @param look finds the cluster, and whatever it has to have for this command
 */
async function prepare(stack: string, settings: Settings, look: () => Promise<Cluster>): Promise<Prepared> {
  const progress = new Progress();
  const cluster = await progress.step("cluster", look);
  await progress.step("Pulumi engine", ensurePulumiEngine);
  await progress.step("Pulumi Kubernetes plugin", ensureKubernetesPlugin);
  const pulumi = new Pulumi(stack, pulumiEnvironment(stack));
  const snapshot = await progress.step("state", (step) =>
    prepareState(step, cluster, pulumi, namespaceOf(stack, settings)),
  );
  return { cluster, progress, pulumi, snapshot };
}

async function prepareState(
  step: Step,
  cluster: Cluster,
  pulumi: Pulumi,
  namespace: string,
): Promise<Snapshot | undefined> {
  ensureLocalState(pulumi.stack, pulumi.environment);
  await releaseStaleLock(step, pulumi);
  const snapshot = await pulumi.export();
  refuseForeignCluster(pulumi.stack, snapshot, await holdingsOf(cluster, pulumi.stack, namespace));
  if (!snapshot) return undefined;
  await healOnKubernetes(step, cluster, pulumi, snapshot, namespace);
  return pulumi.export();
}

/** The plan of an `up`, with each change on a line of its own. */
async function plan({ progress, pulumi, snapshot }: Prepared, refresh = false): Promise<Plan> {
  if (!snapshot) await pulumi.create();
  const made = await progress.step("pulumi preview", () => makePlan(pulumi, refresh));
  process.stdout.write(`\n${[...changesOf(made), countsOf(made)].join("\n")}\n\n`);
  return made;
}

function storageClasses(cluster: Cluster): Promise<StorageClass[] | undefined> {
  return cluster.list<StorageClass>(["storageclasses"]);
}

/**
 * Brings a stack on Kubernetes to what its settings say.
 *
 * @param data what goes into an empty ledger. @default what the settings say
 * @throws Failure before anything is changed where the plan takes data away or breaks a policy
 */
export async function upOnKubernetes(
  stack: string,
  settings: Settings,
  data: DataChoice = settings.ledger.data,
): Promise<number> {
  const prepared = await prepare(stack, settings, () => requireCluster(stack, settings));
  const { cluster, progress, pulumi } = prepared;
  refuseBadPlan(settings, await plan(prepared), await storageClasses(cluster));
  const summary = await progress.step("pulumi up", (step) => deploy(step, pulumi, "up"));
  await progress.step("rollouts", (step) =>
    finishRollouts(step, cluster, stack, namespaceOf(stack, settings)),
  );
  await loadDataOnce(progress, pulumi, settings, data);
  process.stdout.write(`\n${progress.table()}\n\nPulumi: ${summary}\n`);
  return 0;
}

export interface PreviewOptions {
  /** File that gets the plan as Markdown, also where it is refused. @default none */
  readonly report?: string;
  /** Whether anything to change is a failure: the cluster is asked what there is, and should be what the program says. @default false */
  readonly drift?: boolean;
}

/**
 * Shows what an `up` would do.
 *
 * @throws Failure where the plan takes data away or breaks a policy; with `drift`, where there is anything to change
 */
export async function previewOnKubernetes(
  stack: string,
  settings: Settings,
  { report, drift = false }: PreviewOptions = {},
): Promise<number> {
  const prepared = await prepare(stack, settings, () => requireCluster(stack, settings));
  const made = await plan(prepared, drift);
  const classes = await storageClasses(prepared.cluster);
  if (report !== undefined) writeFileSync(report, planReport(stack, settings, made, classes));
  refuseBadPlan(settings, made, classes);
  if (drift && changesOf(made).length > 0)
    throw new Failure(
      `Stack "${stack}" is not what the program says: see above. Bring it back (npm run up -- --stack ${stack}), or the change into the program.`,
    );
  return 0;
}

/** Removes a stack from Kubernetes; volumes, and the secrets that open them, stay unless `volumes` is given. */
export async function downOnKubernetes(stack: string, settings: Settings, volumes: boolean): Promise<number> {
  const { progress, pulumi, snapshot } = await prepare(stack, settings, () => reachCluster(settings));
  if (!snapshot) {
    process.stdout.write(`There is no stack "${stack}"; nothing to remove.\n`);
    return 0;
  }
  if (volumes) refuseProtected(stack, snapshot);
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

/**
 * What is protected is given up by hand, before anything else goes.
 *
 * @throws Failure naming it and the way out
 */
export function refuseProtected(stack: string, snapshot: Snapshot): void {
  const kept = resourcesOf(snapshot).filter(({ protect }) => protect);
  if (kept.length === 0) return;
  const names = kept.map(({ urn }) => urn.split("::").at(-1));
  throw new Failure(
    [
      `${kept.length} resources of stack "${stack}" are protected: ${names.slice(0, 6).join(", ")}` +
        `${kept.length > 6 ? ` and ${kept.length - 6} more` : ""}. Nothing was removed. Where their data is to go,`,
      "take their protection away, and repeat:",
      `      pulumi state unprotect --all --yes --stack ${stack}     (environment: npm run connect -- --stack ${stack})`,
    ].join("\n"),
  );
}
