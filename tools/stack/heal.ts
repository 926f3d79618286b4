import { Failure } from "../failure.ts";
import { mustRun, run } from "../process.ts";
import type { Step } from "../setup/progress.ts";
import {
  type DockerObject,
  type DockerObjects,
  dockerObjects,
  IDENTITY_LABEL,
  MEMBER_LABEL,
} from "./docker-objects.ts";
import type { Pulumi } from "./pulumi.ts";
import {
  containersOf,
  identityOf,
  jobsOf,
  networksOf,
  type Snapshot,
  type StateResource,
  volumesOf,
  withoutPending,
} from "./snapshot.ts";
import { unassignedMembers } from "./unassigned.ts";

/** Where the state and the engine differ, after a run that was cut off or somebody's hand. */
export interface Differences {
  /** Made, and not in the state: the run ended between the two. */
  readonly orphans: {
    readonly containers: readonly DockerObject[];
    readonly networks: readonly DockerObject[];
  };
  /** In the state, and gone: URNs. */
  readonly missing: readonly string[];
  /** Members that were stopped, which the engine does not start again by itself. */
  readonly stopped: readonly DockerObject[];
}

/** Compares the state with what the engine has. */
export function findDifferences(snapshot: Snapshot, objects: DockerObjects): Differences {
  const containers = containersOf(snapshot);
  const networks = networksOf(snapshot);
  const volumes = volumesOf(snapshot);
  const without = (objects: readonly DockerObject[], known: readonly StateResource[]) => {
    const ids = new Set(known.map(({ id }) => id));
    return objects.filter(({ id }) => !ids.has(id));
  };
  const gone = (known: readonly StateResource[], objects: readonly DockerObject[]) => {
    const ids = new Set(objects.map(({ id }) => id));
    return known.filter(({ id }) => !ids.has(id ?? "")).map(({ urn }) => urn);
  };
  const orphans = without(objects.containers, containers);
  return {
    orphans: { containers: orphans, networks: without(objects.networks, networks) },
    missing: [
      ...gone(containers, objects.containers),
      ...gone(networks, objects.networks),
      ...gone(volumes, objects.volumes),
    ],
    stopped: objects.containers.filter(
      (container) => container.stopped && MEMBER_LABEL in container.labels && !orphans.includes(container),
    ),
  };
}

/**
 * Refuses to work on what another state made under the same stack name: its volumes open with secrets that only that state
 * has.
 *
 * @throws Failure naming the objects and both ways out
 */
export function refuseForeign(stack: string, snapshot: Snapshot | undefined, objects: DockerObjects): void {
  const own = identityOf(snapshot);
  const foreign = [...objects.volumes, ...objects.containers, ...objects.networks].filter(
    ({ labels }) => own === undefined || labels[IDENTITY_LABEL] !== own,
  );
  if (foreign.length === 0) return;
  const volumes = foreign.filter((object) => objects.volumes.includes(object)).map(({ name }) => name);
  const others = foreign.filter((object) => !objects.volumes.includes(object)).map(({ name }) => name);
  const removal = [
    ...(objects.containers.length
      ? [`docker rm --force $(docker ps --all --quiet --filter label=io.dujyo.stack=${stack})`]
      : []),
    ...(objects.networks.length
      ? [`docker network rm $(docker network ls --quiet --filter label=io.dujyo.stack=${stack})`]
      : []),
    ...(volumes.length
      ? [`docker volume rm $(docker volume ls --quiet --filter label=io.dujyo.stack=${stack})`]
      : []),
  ];
  throw new Failure(
    [
      `The Docker engine has ${volumes.length ? "volumes" : "objects"} of a stack "${stack}" that belongs to another state: ` +
        `${[...volumes, ...others].slice(0, 6).join(", ")}${foreign.length > 6 ? ` and ${foreign.length - 6} more` : ""}.`,
      "This state has no secrets to open them with. Nothing was changed. Either",
      "  - work where they were made: that clone's .dujyo folder (or that backend) has their state; or",
      "  - give them up with all their data, and repeat:",
      ...removal.map((line) => `      ${line}`),
    ].join("\n"),
  );
}

/**
 * Brings the state and the engine together again, so that the engine's next run finds what it expects.
 *
 * @param options.start whether the stack is to run: members that were stopped are started, and jobs run again where their
 *   work is lost. @default true
 */
export async function heal(
  step: Step,
  pulumi: Pulumi,
  snapshot: Snapshot,
  options: { readonly start?: boolean } = {},
): Promise<void> {
  const pending = snapshot.deployment.pending_operations ?? [];
  if (pending.length > 0) {
    step.note(`clearing ${pending.length} operations that were cut off`);
    await pulumi.import(withoutPending(snapshot));
  }
  const { orphans, missing, stopped } = findDifferences(snapshot, await dockerObjects(pulumi.stack));
  if (orphans.containers.length > 0) {
    step.note(`removing containers that the state does not know: ${names(orphans.containers)}`);
    await mustRun("docker", ["rm", "--force", "--volumes", ...orphans.containers.map(({ id }) => id)]);
  }
  if (orphans.networks.length > 0) {
    step.note(`removing networks that the state does not know: ${names(orphans.networks)}`);
    await mustRun("docker", ["network", "rm", ...orphans.networks.map(({ id }) => id)]);
  }
  if (options.start !== false) await repeatJobs(step, pulumi, snapshot, missing);
  if (missing.length > 0) {
    step.note(`${missing.length} resources of the state are gone from the engine: they will be made anew`);
    const targets = missing.flatMap((urn) => ["--target", urn]);
    await pulumi.mustRun(["refresh", "--yes", "--skip-preview", "--suppress-outputs", ...targets], {
      onLine: step.line,
    });
  }
  if (stopped.length > 0 && options.start !== false) {
    step.note(`starting members that were stopped: ${names(stopped)}`);
    const result = await run("docker", ["start", ...stopped.map(({ id }) => id)]);
    // One that does not start is the engine's to replace, or shows in the status at the end.
    if (result.code !== 0) step.note(result.stderr.trim());
  }
}

/**
 * Jobs put into volumes what belongs there, and form clusters of members: one whose work is lost runs again. That is noted in
 * the state before anything else forgets that there was a volume, so that a run that is cut off leaves it noted.
 *
 * @param missing URNs of resources that are gone
 */
async function repeatJobs(
  step: Step,
  pulumi: Pulumi,
  snapshot: Snapshot,
  missing: readonly string[],
): Promise<void> {
  const jobs = jobsOf(snapshot).map(({ urn }) => urn);
  const again = new Set<string>();
  if (volumesOf(snapshot).some(({ urn }) => missing.includes(urn))) {
    step.note("volumes are gone: the jobs that fill them will run again");
    for (const urn of jobs) again.add(urn);
  }
  const unassigned = await unassignedMembers(pulumi.stack);
  if (unassigned.length > 0) {
    step.note(
      `members without a part in their cluster, which will be formed again: ${unassigned.join(", ")}`,
    );
    for (const urn of jobs.filter((urn) => urn.includes("::redis-"))) again.add(urn);
  }
  if (again.size > 0) await pulumi.mustRun(["state", "taint", "--yes", "--stack", pulumi.stack, ...again]);
}

function names(objects: readonly DockerObject[]): string {
  return objects.map(({ name }) => name).join(", ");
}
