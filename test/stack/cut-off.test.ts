import { type ChildProcess, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { existsSync, renameSync } from "node:fs";
import { join } from "node:path";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Connection } from "../../ops/connection.ts";
import { ROOT } from "../../tools/layout.ts";
import { mustRun, run } from "../../tools/process.ts";
import { isBeingRemoved } from "../../tools/stack/removal.ts";
import { eventually } from "../support/faults.ts";
import { objectsOf, removeStack, stateFile } from "../support/running-stack.ts";
import { down, stackConnection, tryUp, UNCHANGED, up } from "../support/stack-commands.ts";
import { SMALL_SETTINGS, SMALL_STACK as STACK, writeSettings } from "../support/stack-settings.ts";

/** The life of a stack of its own: cut off wherever it may be, each time repeated, and well in the end. */

const UP = ["tools/bootstrap.mjs", "tools/up.ts", "--stack", STACK];
const member = (name: string) => `dujyo-${STACK}-${name}`;

/** `npm run up`, a process group of its own. */
function start(command: string, args: readonly string[]): ChildProcess {
  return spawn(command, args, { cwd: ROOT, stdio: "ignore", detached: true });
}

/** Kills the whole group, as when a terminal is closed: nothing gets the chance to tidy up. */
function killGroup({ pid, exitCode }: ChildProcess): void {
  if (pid !== undefined && exitCode === null) process.kill(-pid, "SIGKILL");
}

/** Waits some time between two bounds, milliseconds. */
async function randomMoment(least: number, most: number): Promise<void> {
  const milliseconds = randomInt(least, most);
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  console.log(`killed after ${milliseconds} ms`);
}

async function sql(connection: Connection, text: string): Promise<unknown[]> {
  const password = connection.postgresPasswords.owner;
  const client = new Client({
    ...{ host: "127.0.0.1", port: connection.writer.port, database: connection.database },
    ...{ user: "dujyo_user", password, ssl: { ca: connection.postgresCa, servername: "localhost" } },
  });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

beforeAll(async () => {
  await removeStack(STACK);
  writeSettings(SMALL_SETTINGS, STACK);
}, 60_000);

afterAll(() => removeStack(STACK), 60_000);

describe("npm run up of a new stack", () => {
  it("goes on from where it was killed, wherever that was", { timeout: 600_000 }, async () => {
    for (const [least, most] of [
      [500, 6_000],
      [6_000, 12_000],
      [9_000, 15_000],
    ] as const) {
      const child = start(process.execPath, UP);
      await randomMoment(least, most);
      killGroup(child);
    }
    // The first process alone: the others work on, and the repeat waits for them.
    const npm = start("npm", ["run", "up", "--", "--stack", STACK]);
    await randomMoment(3_000, 12_000);
    npm.kill("SIGKILL");
    await up(STACK);
  });

  it("goes on from a change that was cut off", { timeout: 300_000 }, async () => {
    writeSettings({ ...SMALL_SETTINGS, redis: { ...(SMALL_SETTINGS.redis as object), cpus: 0.6 } }, STACK);
    const child = start(process.execPath, UP);
    await randomMoment(3_000, 15_000);
    killGroup(child);
    await up(STACK);
    const cpus = await mustRun("docker", [
      "inspect",
      "--format",
      "{{.HostConfig.NanoCpus}}",
      member("redis-2"),
    ]);
    expect(Number(cpus)).toBe(600_000_000);
    // The engine puts its helpers into groups of their own.
    await eventually("the program and its providers have ended", async () => {
      const { stdout } = await run("pgrep", ["-f", join(ROOT, "node_modules/@pulumi/pulumi/cmd")]);
      return stdout === "";
    });
  });
});

describe("npm run down", () => {
  it("keeps the data and what opens it, and the next up goes on with them", {
    timeout: 300_000,
  }, async () => {
    await sql(await stackConnection(STACK), "CREATE TABLE kept AS SELECT 42 AS number");
    await down(STACK);
    const { containers, networks, volumes } = await objectsOf(STACK);
    expect([containers, networks]).toEqual([[], []]);
    expect(volumes).toContain(member("postgres-0-data"));

    const hidden = `${stateFile(STACK)}.hidden`;
    renameSync(stateFile(STACK), hidden);
    const refused = await tryUp(STACK);
    renameSync(hidden, stateFile(STACK));
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/volumes of a stack "small" that belongs to another state: dujyo-small-/);
    expect(await objectsOf(STACK)).toEqual({ containers, networks, volumes });

    await up(STACK);
    expect(await sql(await stackConnection(STACK), "SELECT number FROM kept")).toEqual([{ number: 42 }]);
  });

  it("with the volumes, cut off between them, is ended by the next up, which starts anew", {
    timeout: 300_000,
  }, async () => {
    const { volumes } = await objectsOf(STACK);
    const child = start(process.execPath, [
      "tools/bootstrap.mjs",
      "tools/down.ts",
      "--stack",
      STACK,
      "--volumes",
    ]);
    while ((await objectsOf(STACK)).volumes.length === volumes.length) expect(child.exitCode).toBeNull();
    killGroup(child);
    expect(isBeingRemoved(STACK)).toBe(true);
    // This time the founder of the database dies, too, while it makes it.
    const next = start(process.execPath, UP);
    while (!(await run("docker", ["top", member("postgres-0"), "-o", "pid,comm"])).stdout.includes("initdb"))
      expect(next.exitCode).toBeNull();
    await mustRun("docker", ["kill", member("postgres-0")]);
    killGroup(next);
    await up(STACK);
    const rows = await sql(await stackConnection(STACK), "SELECT to_regclass('kept') AS kept");
    expect(rows).toEqual([{ kept: null }]);
    expect(await up(STACK)).toMatch(UNCHANGED);
  });

  it("with the volumes leaves nothing", { timeout: 120_000 }, async () => {
    await down(STACK, "--volumes");
    expect(await objectsOf(STACK)).toEqual({ containers: [], networks: [], volumes: [] });
    expect(existsSync(stateFile(STACK))).toBe(false);
  });
});
