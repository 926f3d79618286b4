import { mustRun } from "../process.ts";

/** Labels that every Docker object of a stack carries. */
export const STACK_LABEL = "io.dujyo.stack";
export const IDENTITY_LABEL = "io.dujyo.identity";
export const MEMBER_LABEL = "io.dujyo.member";

/** A container, network or volume of a stack, as far as it is looked at here. */
export interface DockerObject {
  /** Identity for containers and networks, the name for volumes. */
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface DockerContainer extends DockerObject {
  readonly running: boolean;
  /** Whether it ran and ended; one that was never started has not. */
  readonly stopped: boolean;
  /** Ports on the host that it holds. */
  readonly ports: readonly number[];
}

/** All that a stack name has on the engine, whichever state it belongs to. */
export interface DockerObjects {
  readonly containers: readonly DockerContainer[];
  readonly networks: readonly DockerObject[];
  readonly volumes: readonly DockerObject[];
}

interface Inspected {
  readonly Id?: string;
  readonly Name: string;
  readonly Labels?: Record<string, string> | null;
  readonly Config?: { readonly Labels?: Record<string, string> | null };
  readonly State?: { readonly Status?: string };
  readonly NetworkSettings?: { readonly Ports?: Record<string, { HostPort: string }[] | null> | null };
}

/** Looks at the engine; nothing is changed. */
export async function dockerObjects(stack: string): Promise<DockerObjects> {
  const [containers, networks, volumes] = await Promise.all([
    inspect("container", ["container", "ls", "--all", "--quiet", "--no-trunc"], stack),
    inspect("network", ["network", "ls", "--quiet", "--no-trunc"], stack),
    inspect("volume", ["volume", "ls", "--quiet"], stack),
  ]);
  return {
    containers: containers.map(toContainer),
    networks: networks.map(toObject),
    volumes: volumes.map(toObject),
  };
}

async function inspect(kind: string, list: readonly string[], stack: string): Promise<Inspected[]> {
  const answer = await mustRun("docker", [...list, "--filter", `label=${STACK_LABEL}=${stack}`]);
  const ids = answer.split("\n").filter((line) => line !== "");
  if (ids.length === 0) return [];
  return JSON.parse(await mustRun("docker", [kind, "inspect", ...ids])) as Inspected[];
}

function toObject(found: Inspected): DockerObject {
  const labels = found.Config?.Labels ?? found.Labels ?? {};
  return { id: found.Id ?? found.Name, name: found.Name.replace(/^\//, ""), labels };
}

function toContainer(found: Inspected): DockerContainer {
  const bindings = Object.values(found.NetworkSettings?.Ports ?? {}).flatMap((hosts) => hosts ?? []);
  return {
    ...toObject(found),
    running: found.State?.Status === "running",
    stopped: found.State?.Status === "exited",
    ports: [...new Set(bindings.map(({ HostPort }) => Number(HostPort)))],
  };
}
