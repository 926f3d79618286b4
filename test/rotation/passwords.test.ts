import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LOGINS } from "../../ops/connection.ts";
import { sessionOptions, withSession } from "../../ops/postgres/session.ts";
import { ROOT } from "../../tools/layout.ts";
import { mustRun, run } from "../../tools/process.ts";
import { SteadyLoad } from "../service/support/steady-load.ts";
import { eventually } from "../support/faults.ts";
import { removeStack } from "../support/running-stack.ts";
import { stackConnection, UNCHANGED, up } from "../support/stack-commands.ts";
import { SMALL_SETTINGS, SMALL_STACK, writeSettings } from "../support/stack-settings.ts";

/** Rotations of passwords on a small stack of their own, with a replica for each kind of data. */

const SETTINGS = {
  ...SMALL_SETTINGS,
  redis: { ...(SMALL_SETTINGS.redis as object), replicasPerShard: 1 },
  api: { instances: 2 },
};
const MINUTES = 60_000;

const ops = (...args: string[]) => [join(ROOT, "ops/cli.ts"), ...args, "--stack", SMALL_STACK];
const rotate = (...args: string[]) =>
  mustRun(process.execPath, ops("rotate", ...args), { cwd: ROOT, timeout: 5 * MINUTES });
const settingsFile = () => readFileSync(join(ROOT, `Pulumi.${SMALL_STACK}.yaml`), "utf8");

beforeAll(async () => {
  await removeStack(SMALL_STACK);
  writeSettings(SETTINGS, SMALL_STACK);
  await up(SMALL_STACK);
}, 10 * MINUTES);

afterAll(() => removeStack(SMALL_STACK));

/** Identities of the running containers, by member. */
async function containers(): Promise<string[]> {
  const listed = await mustRun("docker", [
    ...["ps", "--no-trunc", "--format", '{{.Label "io.dujyo.member"}} {{.ID}}'],
    ...["--filter", `label=io.dujyo.stack=${SMALL_STACK}`, "--filter", "label=io.dujyo.member"],
  ]);
  return listed.trim().split("\n").sort();
}

/** What was wrong with the API's answers while `work` went on; each is about an account of its own, which no cache has. */
async function complaintsDuring(work: () => Promise<unknown>): Promise<Record<string, number>> {
  const { api } = await stackConnection(SMALL_STACK);
  let account = 0;
  const load = new SteadyLoad(50, async () => {
    const answer = await fetch(`http://127.0.0.1:${api.port}/balance/DU-${Date.now()}-${account++}`);
    const text = await answer.text();
    return answer.status === 200 ? undefined : `${answer.status}: ${text}`;
  });
  try {
    await work();
  } finally {
    await load.stop();
  }
  const shots = load.between(0, Number.POSITIVE_INFINITY);
  console.log(`${shots.length} requests, ${JSON.stringify(load.complaints())}`);
  expect(shots.length).toBeGreaterThan(100);
  return load.complaints();
}

describe("a rotation of Redis' passwords", () => {
  it("fails no request and replaces nothing; the API connects with the new one when the former is withdrawn", {
    timeout: 10 * MINUTES,
  }, async () => {
    const before = await containers();
    const former = await stackConnection(SMALL_STACK);
    expect(await complaintsDuring(() => rotate("redis-passwords"))).toEqual({});
    const rotated = await stackConnection(SMALL_STACK);
    expect(rotated.redisPasswords.app).not.toBe(former.redisPasswords.app);
    expect(settingsFile()).toContain("passwords: [1, 2]");

    const complaints = await complaintsDuring(async () => {
      await rotate("redis-passwords", "--finish");
      // The API and the replicas have to connect anew, which the former passwords would not let them.
      for (const { host } of rotated.redis) await endConnections(host, rotated.redisPasswords.operator);
      await eventually("every member is in order again", async () => {
        const { code } = await run(process.execPath, ops("status"), { cwd: ROOT });
        return code === 0;
      });
    });
    expect(complaints).toEqual({});
    expect(await containers()).toEqual(before);
    expect(settingsFile()).toContain("passwords: [2]");
    expect(await up(SMALL_STACK)).toMatch(UNCHANGED);
  });
});

describe("a rotation of PostgreSQL's passwords", () => {
  it("fails no request, replaces nothing, and is completed after it was killed half way", {
    timeout: 10 * MINUTES,
  }, async () => {
    const before = await containers();
    const former = await stackConnection(SMALL_STACK);
    const open = new Client(sessionOptions(former, former.pooler, "app"));
    await open.connect();
    const complaints = await complaintsDuring(async () => {
      await killedAt("passwords: [1, 2]");
      await rotate("postgres-passwords");
    });
    expect(complaints).toEqual({});
    await open.query("SELECT 1");
    await open.end();
    const rotated = await stackConnection(SMALL_STACK);
    const asApp = (connection: typeof former) =>
      withSession(sessionOptions(connection, connection.pooler, "app"), async (client) => {
        const { rows } = await client.query("SELECT current_user AS name");
        return rows[0]?.name;
      });
    expect(await asApp(rotated)).toBe(LOGINS.app);
    await expect(asApp(former)).rejects.toThrow(/authentication failed/);
    expect(await containers()).toEqual(before);
    expect(await up(SMALL_STACK)).toMatch(UNCHANGED);
  });
});

async function endConnections(member: string, password: string): Promise<void> {
  const commands = ["CLIENT KILL USER app", "CLIENT KILL USER replication"];
  await mustRun(
    "docker",
    ["exec", "--interactive", `dujyo-${SMALL_STACK}-${member}`, "redis-cli", "-s", "/run/redis.sock"],
    { input: [`AUTH operator ${password}`, ...commands, ""].join("\n") },
  );
}

/** Begins a rotation, and kills it with all that it has started as soon as the stack's file says this. */
async function killedAt(text: string): Promise<void> {
  const child = spawn(process.execPath, ops("rotate", "postgres-passwords"), { cwd: ROOT, detached: true });
  const ended = new Promise((resolve) => child.on("close", resolve));
  await eventually(`the stack's file has ${text}`, async () => settingsFile().includes(text), 180);
  process.kill(-(child.pid as number), "SIGKILL");
  await ended;
}
