import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { imageRef } from "../infra/images.ts";
import type { StackOutputs } from "../infra/stack-outputs.ts";
import { Failure } from "../tools/failure.ts";
import { LOCAL } from "../tools/layout.ts";
import { writeWhole } from "../tools/setup/place.ts";
import { namespaceOf } from "../tools/stack/kubernetes-cluster.ts";
import type { PulumiEnvironment } from "../tools/stack/local-state.ts";
import { Pulumi } from "../tools/stack/pulumi.ts";
import { stackSettings } from "../tools/stack/settings.ts";
import { clientPrograms } from "./client-programs.ts";
import { type Connection, connectionOf } from "./connection.ts";
import { connectionFiles } from "./connection-files.ts";
import { containerName } from "./docker-inventory.ts";

/**
 * What the stack says of itself, secrets included.
 *
 * @throws Failure where it says nothing
 */
export async function readOutputs(stack: string, environment: PulumiEnvironment): Promise<StackOutputs> {
  const pulumi = new Pulumi(stack, environment);
  const text = await pulumi.mustRun(["stack", "output", "--stack", stack, "--show-secrets", "--json"]);
  const outputs = JSON.parse(text) as Partial<StackOutputs>;
  if (outputs.apiUrl === undefined)
    throw new Failure(
      `The stack "${stack}" has no outputs that this version reads: it is not up, or was brought up by an older one. ` +
        `Run "npm run up -- --stack ${stack}" first.`,
    );
  return outputs as StackOutputs;
}

/**
 * What clients need, from the stack's outputs.
 *
 * @throws Failure where the stack has none
 */
export async function readConnection(stack: string, environment: PulumiEnvironment): Promise<Connection> {
  return connectionOf(await readOutputs(stack, environment));
}

/** A command line that runs a program inside a member of a stack, as a person types it. */
function inside(stack: string): (member: string) => string {
  const settings = stackSettings(stack);
  if (settings.target === "docker")
    return (member) => `docker exec --interactive ${containerName(stack, member)}`;
  const { context } = settings.kubernetes;
  const where = [
    ...(context === "" ? [] : ["--context", context]),
    "--namespace",
    namespaceOf(stack, settings),
  ];
  // The container is called after the part: the member's name without its number.
  return (member) =>
    `kubectl ${where.join(" ")} exec --stdin ${member} --container ${member.replace(/-\d+$/, "")} --`;
}

/** Writes the files that clients read, for this user's eyes alone, and client programs; returns their folder. */
export function writeConnectionFiles(stack: string, connection: Connection): string {
  const folder = join(LOCAL, "connect", stack);
  mkdirSync(folder, { recursive: true });
  chmodSync(folder, 0o700);
  for (const [name, content] of Object.entries(connectionFiles(connection, folder)))
    writeWhole(join(folder, name), content, 0o600);
  const programs = clientPrograms(folder, connection, imageRef("postgres"), inside(stack));
  for (const [name, content] of Object.entries(programs)) writeWhole(join(folder, name), content, 0o700);
  return folder;
}
