import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import type { Connection } from "../../ops/connection.ts";
import { CACHE, ROOT } from "../../tools/layout.ts";
import { isAlive, mustRun } from "../../tools/process.ts";
import { ensureDockerEngine } from "../../tools/setup/docker-engine.ts";
import { Progress } from "../../tools/setup/progress.ts";
import { forget } from "../../tools/stack/removal.ts";
import { writeServiceFacts } from "./service-facts.ts";
import { setSecrets, stackConnection, UNCHANGED, up } from "./stack-commands.ts";
import { BASE_SETTINGS, RECEIVER_SECRETS, STACK, writeSettings } from "./stack-settings.ts";

declare module "vitest" {
  export interface ProvidedContext {
    connection: Connection;
  }
}

const LOCK = join(CACHE, "test-stack.pid");

/** Ends with an error where another run uses the test stack at this moment. */
function takeLock(): void {
  mkdirSync(CACHE, { recursive: true });
  try {
    const pid = Number(readFileSync(LOCK, "utf8"));
    if (isAlive(pid))
      throw new Error(`process ${pid} is testing on this machine's test stack; wait for its end`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  writeFileSync(LOCK, String(process.pid));
}

/** Where the state of a stack of this clone lies. */
export function stateFile(stack = STACK): string {
  return join(ROOT, ".dujyo/state/.pulumi/stacks/dujyo", `${stack}.json`);
}

/** Physical names of all that carries a stack's label. */
export async function objectsOf(
  stack: string,
): Promise<Record<"containers" | "networks" | "volumes", string[]>> {
  const list = async (...args: string[]) =>
    (await mustRun("docker", [...args, "--filter", `label=io.dujyo.stack=${stack}`]))
      .split("\n")
      .filter(Boolean);
  return {
    containers: await list("ps", "--all", "--format", "{{.Names}}"),
    networks: await list("network", "ls", "--format", "{{.Name}}"),
    volumes: await list("volume", "ls", "--quiet"),
  };
}

/** Removes a stack with all it has, also where no state is left that could tell: what a run that died has left. */
export async function removeStack(stack = STACK): Promise<void> {
  const { containers, networks, volumes } = await objectsOf(stack);
  if (containers.length > 0) await mustRun("docker", ["rm", "--force", "--volumes", ...containers]);
  if (networks.length > 0) await mustRun("docker", ["network", "rm", ...networks]);
  if (volumes.length > 0) await mustRun("docker", ["volume", "rm", ...volumes]);
  rmSync(stateFile(stack), { force: true });
  forget(stack);
  rmSync(join(ROOT, `Pulumi.${stack}.yaml`), { force: true });
}

/** Brings one stack up for all test files, and takes it down after them, also when they fail. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  takeLock();
  const teardown = async () => {
    if (process.env.KEEP_TEST_STACK !== "1") await removeStack();
    rmSync(LOCK, { force: true });
  };
  try {
    await new Progress().step("Docker engine", ensureDockerEngine);
    // Containers without a state of this clone are what a run that died elsewhere has left.
    const fresh = !existsSync(stateFile());
    if (fresh) await removeStack();
    writeSettings(BASE_SETTINGS);
    // Encrypted anew, a secret is another text for the engine, and the up after it a change.
    if (fresh) await setSecrets("receiverSecrets", RECEIVER_SECRETS);
    await up();
    // Here alone it is the first repeat: what the engine writes back otherwise than it was told shows at this one.
    if (fresh && !UNCHANGED.test(await up()))
      throw new Error("the first repeat of a new stack's up changed it");
    const connection = await stackConnection();
    project.provide("connection", connection);
    process.env.STACK_FACTS = await writeServiceFacts(connection);
  } catch (error) {
    await teardown();
    throw error;
  }
  return teardown;
}
