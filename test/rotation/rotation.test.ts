import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Connection, LOGINS } from "../../ops/connection.ts";
import { sessionOptions, withSession } from "../../ops/postgres/session.ts";
import { ROOT } from "../../tools/layout.ts";
import { mustRun, run } from "../../tools/process.ts";
import { runningContainers } from "../support/containers.ts";
import { eventually } from "../support/faults.ts";
import { removeStack } from "../support/running-stack.ts";
import { stackConnection, UNCHANGED, up } from "../support/stack-commands.ts";
import { SMALL_SETTINGS, SMALL_STACK, writeSettings } from "../support/stack-settings.ts";
import { loadDuring } from "./client-load.ts";

/** Rotations under load, on a stack of their own with replicas of each kind of data. */

const SETTINGS = {
  ...SMALL_SETTINGS,
  postgres: { ...(SMALL_SETTINGS.postgres as object), replicas: 2 },
  redis: { ...(SMALL_SETTINGS.redis as object), replicasPerShard: 1 },
  api: { instances: 2 },
};
const MINUTES = 60_000;

const ops = (...args: string[]) => [join(ROOT, "ops/cli.ts"), ...args, "--stack", SMALL_STACK];
const rotate = (...args: string[]) =>
  mustRun(process.execPath, ops("rotate", ...args), { cwd: ROOT, timeout: 5 * MINUTES });
const settingsFile = () => readFileSync(join(ROOT, `Pulumi.${SMALL_STACK}.yaml`), "utf8");
const isInOrder = async () => (await run(process.execPath, ops("status"), { cwd: ROOT })).code === 0;

beforeAll(async () => {
  await removeStack(SMALL_STACK);
  writeSettings(SETTINGS, SMALL_STACK);
  await up(SMALL_STACK);
}, 10 * MINUTES);

afterAll(() => removeStack(SMALL_STACK), MINUTES);

/** Clients have all that they ask for while `work` goes on, and no container is replaced. */
async function failsNothing(name: string, work: () => Promise<unknown>): Promise<void> {
  const before = await runningContainers(SMALL_STACK);
  const figures = await loadDuring(SMALL_STACK, work);
  console.log(`${name}: ${JSON.stringify(figures)}`);
  expect(figures.operations).toBeGreaterThan(100);
  expect(figures.complaints).toEqual({});
  expect(await runningContainers(SMALL_STACK)).toEqual(before);
}

/** Begins a rotation, and kills it with all that it has started as soon as the condition holds. */
async function killed(credential: string, what: string, condition: () => Promise<boolean>): Promise<void> {
  const child = spawn(process.execPath, ops("rotate", credential), { cwd: ROOT, detached: true });
  const ended = new Promise((resolve) => child.on("close", resolve));
  await eventually(what, condition, 180);
  expect(child.exitCode).toBeNull();
  process.kill(-(child.pid as number), "SIGKILL");
  await ended;
}

describe("a rotation of the passwords of PostgreSQL's members", () => {
  const started = new Date().toISOString();
  const superuser = (connection: Connection) =>
    sessionOptions(connection, connection.writer, "owner", {
      ...{ user: "postgres", password: connection.postgresPasswords.superuser, database: "postgres" },
    });

  /** While streams are ended all the time, so that replicas have to log in at any moment of it. */
  async function amidReconnections(work: () => Promise<unknown>): Promise<void> {
    const { postgres } = await stackConnection(SMALL_STACK);
    let ended = 0;
    let works = true;
    const ending = (async () => {
      for (let turn = 0; works; turn += 1) {
        const member = `dujyo-${SMALL_STACK}-${postgres[turn % postgres.length]?.host}`;
        // The leader has some, and no other.
        const sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_replication ORDER BY random() LIMIT 1";
        const psql = ["psql", "-h", "/run/postgresql", "-U", "postgres", "-Atc", sql];
        if ((await mustRun("docker", ["exec", member, ...psql])).trim() === "t") ended += 1;
        await pause(500);
      }
    })();
    try {
      await work();
    } finally {
      works = false;
      await ending;
    }
    console.log(`${ended} streams ended`);
    expect(ended).toBeGreaterThan(5);
  }

  /** Whom PostgreSQL has refused of the members' roles, since the first of these tests. */
  async function refused(): Promise<string[]> {
    const { postgres } = await stackConnection(SMALL_STACK);
    const logs = await Promise.all(
      postgres.map(({ host }) =>
        run("docker", ["logs", "--since", started, `dujyo-${SMALL_STACK}-${host}`]).then(
          ({ stdout, stderr }) => stdout + stderr,
        ),
      ),
    );
    return logs.flatMap((log) => log.match(/.*(failed for user|role) "dujyo_(repl|rewind).*/g) ?? []);
  }

  const streamAs = async () =>
    withSession(superuser(await stackConnection(SMALL_STACK)), async (session) => {
      const { rows } = await session.query("SELECT DISTINCT usename FROM pg_stat_replication");
      return rows.map(({ usename }) => usename);
    });

  it("fails nothing, and lets in each replica that comes back meanwhile", {
    timeout: 10 * MINUTES,
  }, async () => {
    await failsNothing("postgres-member-passwords", () =>
      amidReconnections(() => rotate("postgres-member-passwords")),
    );
    expect(await refused()).toEqual([]);
    expect(await streamAs()).toEqual(["dujyo_repl_b"]);
  });

  it("fails nothing when it is killed half way, and is completed by a repeat", {
    timeout: 10 * MINUTES,
  }, async () => {
    await failsNothing("postgres-member-passwords, killed and repeated", () =>
      amidReconnections(async () => {
        await killed("postgres-member-passwords", "the second step begins", async () =>
          settingsFile().includes("memberPasswords: [2, 3]"),
        );
        await rotate("postgres-member-passwords");
      }),
    );
    expect(await streamAs()).toEqual(["dujyo_repl"]);
    expect(settingsFile()).toContain("memberPasswords: [3]");
    expect(await up(SMALL_STACK)).toMatch(UNCHANGED);
    // The former leader follows by what it has read while it led.
    await mustRun(process.execPath, ops("switchover"), { cwd: ROOT });
    await eventually("every member is in order again", isInOrder);
    expect(await refused()).toEqual([]);
  });
});

describe("a rotation of PostgreSQL's passwords", () => {
  const asApp = (connection: Connection) =>
    withSession(sessionOptions(connection, connection.pooler, "app"), async (client) => {
      const { rows } = await client.query("SELECT current_user AS name");
      return rows[0]?.name;
    });

  it("fails nothing", { timeout: 10 * MINUTES }, async () => {
    const former = await stackConnection(SMALL_STACK);
    await failsNothing("postgres-passwords", () => rotate("postgres-passwords"));
    expect(await asApp(await stackConnection(SMALL_STACK))).toBe(LOGINS.app);
    await expect(asApp(former)).rejects.toThrow(/authentication failed/);
  });

  it("fails nothing when it is killed half way, and is completed by a repeat", {
    timeout: 10 * MINUTES,
  }, async () => {
    await failsNothing("postgres-passwords, killed and repeated", async () => {
      await killed("postgres-passwords", "the second step begins", async () =>
        settingsFile().includes(" passwords: [2, 3]"),
      );
      await rotate("postgres-passwords");
    });
    expect(settingsFile()).toContain(" passwords: [3]");
    expect(await up(SMALL_STACK)).toMatch(UNCHANGED);
  });
});

describe("a rotation of Redis' passwords", () => {
  it("fails nothing; the API connects with the new one when the former is withdrawn", {
    timeout: 10 * MINUTES,
  }, async () => {
    const former = await stackConnection(SMALL_STACK);
    await failsNothing("redis-passwords", () => rotate("redis-passwords"));
    const rotated = await stackConnection(SMALL_STACK);
    expect(rotated.redisPasswords.app).not.toBe(former.redisPasswords.app);
    expect(settingsFile()).toContain("passwords: [1, 2]");
    await failsNothing("redis-passwords --finish", () => rotate("redis-passwords", "--finish"));
    // The API and the replicas have to connect anew, which the former passwords would not let them.
    for (const { host } of rotated.redis) await endConnections(host, rotated.redisPasswords.operator);
    await eventually("every member is in order again", isInOrder);
    await failsNothing("Redis connected anew", () => eventually("all is in order", isInOrder));
    expect(await up(SMALL_STACK)).toMatch(UNCHANGED);
  });
});

describe("a rotation of certificates", () => {
  it("fails nothing", { timeout: 10 * MINUTES }, async () => {
    await failsNothing("certificates", () => rotate("certificates"));
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
