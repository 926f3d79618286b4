import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import type { Connection } from "../../ops/connection.ts";
import { CACHE, ROOT } from "../../tools/layout.ts";
import { isAlive, mustRun } from "../../tools/process.ts";
import { writeServiceFacts } from "./service-facts.ts";
import { setReceiverSecrets, stackConnection, up } from "./stack-commands.ts";
import { BASE_SETTINGS, RECEIVER_SECRETS, STACK, writeSettings } from "./stack-settings.ts";

declare module "vitest" {
  export interface ProvidedContext {
    connection: Connection;
  }
}

const STATE = join(ROOT, ".dujyo/state/.pulumi/stacks/dujyo", `${STACK}.json`);
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

/** Removes everything that carries the test stack's label: what a run that died has left, or this one's own. */
export async function removeStack(): Promise<void> {
  const filter = ["--filter", `label=io.dujyo.stack=${STACK}`];
  const ids = async (...args: string[]) =>
    (await mustRun("docker", [...args, ...filter])).split("\n").filter(Boolean);
  const containers = await ids("ps", "--all", "--quiet");
  if (containers.length > 0) await mustRun("docker", ["rm", "--force", "--volumes", ...containers]);
  const networks = await ids("network", "ls", "--quiet");
  if (networks.length > 0) await mustRun("docker", ["network", "rm", ...networks]);
  const volumes = await ids("volume", "ls", "--quiet");
  if (volumes.length > 0) await mustRun("docker", ["volume", "rm", ...volumes]);
  rmSync(STATE, { force: true });
  rmSync(join(ROOT, `Pulumi.${STACK}.yaml`), { force: true });
}

/** Brings one stack up for all test files, and takes it down after them, also when they fail. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  takeLock();
  const teardown = async () => {
    if (process.env.KEEP_TEST_STACK !== "1") await removeStack();
    rmSync(LOCK, { force: true });
  };
  try {
    // Containers without a state of this clone are what a run that died elsewhere has left.
    if (!existsSync(STATE)) await removeStack();
    writeSettings(BASE_SETTINGS);
    await setReceiverSecrets(RECEIVER_SECRETS);
    await up();
    const connection = await stackConnection();
    project.provide("connection", connection);
    process.env.STACK_FACTS = await writeServiceFacts(connection);
  } catch (error) {
    await teardown();
    throw error;
  }
  return teardown;
}
