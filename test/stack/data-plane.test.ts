import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { connect } from "node:tls";
import { Redis } from "ioredis";
import { Client } from "pg";
import { describe, expect, inject, it } from "vitest";
import { LOCAL } from "../../tools/layout.ts";
import { mustRun, run } from "../../tools/process.ts";
import { redisClient, sessionOptions, value, withSession } from "../support/clients.ts";
import { container, leader, patroniMembers } from "../support/faults.ts";
import { up } from "../support/stack-commands.ts";
import { STACK } from "../support/stack-settings.ts";

describe("the stack", () => {
  it("has a leader and a quorum standby", async () => {
    const members = await patroniMembers();
    expect(members).toHaveLength(3);
    expect(members.filter(({ role }) => role === "Leader")).toHaveLength(1);
    expect(members.some(({ role }) => role === "Quorum Standby")).toBe(true);
  });

  it("publishes on loopback only", async () => {
    const ports = await mustRun("docker", [
      "ps",
      "--filter",
      `label=io.dujyo.stack=${STACK}`,
      "--format",
      "{{.Ports}}",
    ]);
    const hosts = Array.from(ports.matchAll(/(\S+):\d+->/g), (match) => match[1]);
    expect(hosts.length).toBeGreaterThan(8);
    expect(new Set(hosts)).toEqual(new Set(["127.0.0.1"]));
  });

  it("runs every container without root, capabilities, or a writable root", async () => {
    const names = (await mustRun("docker", ["ps", "--quiet", "--filter", `label=io.dujyo.stack=${STACK}`]))
      .trim()
      .split("\n");
    const inspected = JSON.parse(await mustRun("docker", ["inspect", ...names])) as {
      Name: string;
      Config: { User: string; Env: string[] };
      HostConfig: {
        ReadonlyRootfs: boolean;
        CapDrop: string[];
        Memory: number;
        SecurityOpt: string[];
        LogConfig: { Type: string; Config: Record<string, string> };
      };
    }[];
    for (const { Name, Config, HostConfig } of inspected) {
      expect([Name, Config.User]).toEqual([Name, "10001:0"]);
      expect([Name, HostConfig.ReadonlyRootfs]).toEqual([Name, true]);
      expect([Name, HostConfig.CapDrop]).toEqual([Name, ["ALL"]]);
      expect(HostConfig.SecurityOpt).toContain("no-new-privileges:true");
      expect(HostConfig.Memory).toBeGreaterThan(0);
      expect([Name, HostConfig.LogConfig]).toEqual([
        Name,
        { Type: "json-file", Config: { "max-size": "10m", "max-file": "3" } },
      ]);
    }
    const limits = inspected.reduce((sum, { HostConfig }) => sum + HostConfig.Memory, 0);
    expect(limits).toBeLessThanOrEqual(4 * 2 ** 30);
  });

  it("keeps every secret out of environments, arguments, labels and logs", async () => {
    const all = await containers();
    expect(secretsIn(await mustRun("docker", ["inspect", ...all]))).toEqual([]);
    for (const id of all) {
      const { stdout, stderr } = await run("docker", ["logs", id]);
      expect(secretsIn(stdout + stderr), id).toEqual([]);
    }
    expect(secretsIn(await up())).toEqual([]);
  });

  it("keeps every secret encrypted in its state and in the engine's copy of its settings", () => {
    const state = join(LOCAL, "state/.pulumi");
    const files = readdirSync(state, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((file) => file.slice(state.length).split(/[/.]/).includes(STACK));
    expect(files.some((file) => file.endsWith(`${STACK}.json`))).toBe(true);
    for (const file of [...files, join(LOCAL, `Pulumi.${STACK}.yaml`)])
      expect([file, secretsIn(readFileSync(file, "utf8"))]).toEqual([file, []]);
  });
});

async function containers(): Promise<string[]> {
  const filter = ["--filter", `label=io.dujyo.stack=${STACK}`];
  return (await mustRun("docker", ["ps", "--all", "--quiet", ...filter])).trim().split("\n");
}

/** Names of the stack's secrets that stand in a text as they are; a private key of any kind is one. */
function secretsIn(text: string): string[] {
  const { postgresPasswords, redisPasswords, apiSigningKey, apiAccessLogKey, personalKeys, grafanaPassword } =
    inject("connection");
  const { d } = JSON.parse(apiSigningKey) as { d: string };
  const known = Object.entries({
    ...postgresPasswords,
    ...redisPasswords,
    "the API's signing key": d,
    "the key of the API's access log": apiAccessLogKey,
    "the key of the blind index": String(personalKeys?.index),
    "the key of personal fields": String(personalKeys?.encryption[1]),
    ...(grafanaPassword === undefined ? {} : { grafana: grafanaPassword }),
  });
  expect(known.length).toBeGreaterThan(6);
  expect(known.filter(([, secret]) => secret.length < 16)).toEqual([]);
  const found = known.filter(([, secret]) => text.includes(secret)).map(([name]) => name);
  // The program's own code, which the state has too, names the header; a key goes on after it.
  const key = /BEGIN [A-Z ]*PRIVATE KEY-----(?:\s|\\n|\\r)*[A-Za-z0-9+/]{32}/;
  return key.test(text) ? [...found, "a private key"] : found;
}

describe("PostgreSQL", () => {
  it("is reached for writing through the pooler, with prepared statements", async () => {
    const { pooler } = inject("connection");
    await withSession(pooler, "app", async (client) => {
      for (const number of [1, 2, 3]) {
        const { rows } = await client.query({
          name: "twice",
          text: "SELECT $1::int * 2 AS doubled",
          values: [number],
        });
        expect(rows).toEqual([{ doubled: number * 2 }]);
      }
    });
    expect(await value(pooler, "app", "SELECT pg_is_in_recovery()")).toBe(false);
  });

  it("serves readers from a replica", async () => {
    const { pooler, database } = inject("connection");
    expect(
      await value(pooler, "readonly", "SELECT pg_is_in_recovery()", { database: `${database}_ro` }),
    ).toBe(true);
  });

  it("refuses a session without TLS on every port", async () => {
    const { pooler, writer, reader, postgres } = inject("connection");
    for (const address of [pooler, writer, reader, ...postgres]) {
      const client = new Client(sessionOptions(address, "app", { ssl: false }));
      await expect(client.connect(), `port ${address.port}`).rejects.toThrow(/SSL|no pg_hba|encryption/i);
    }
  });

  it("shows a certificate that only its own root vouches for", async () => {
    const { pooler } = inject("connection");
    const client = new Client(sessionOptions(pooler, "app", { ssl: { servername: "localhost" } }));
    await expect(client.connect()).rejects.toThrow(/certificate/i);
  });

  it("acknowledges a write only when a quorum has it, and verifies pages", async () => {
    const { writer } = inject("connection");
    expect(await value(writer, "owner", "SHOW synchronous_standby_names")).toMatch(/^ANY 1 \(/);
    expect(await value(writer, "owner", "SHOW data_checksums")).toBe("on");
  });

  it("gives each role its own rights and no more", async () => {
    const { writer } = inject("connection");
    await expect(value(writer, "app", "CREATE TABLE intruder ()")).rejects.toThrow(/permission denied/);
    await expect(value(writer, "readonly", "CREATE TABLE intruder ()")).rejects.toThrow(
      /read-only|permission denied/,
    );
    await expect(value(writer, "app", "SELECT rolpassword FROM pg_authid")).rejects.toThrow(
      /permission denied/,
    );
    expect(
      await value(
        writer,
        "monitoring",
        "SELECT count(*) > 0 FROM pg_stat_replication WHERE state IS NOT NULL",
      ),
    ).toBe(true);
  });
});

describe("Redis", () => {
  it("follows redirections of a client on this machine", async () => {
    const cluster = redisClient();
    try {
      const keys = Array.from({ length: 60 }, (_, index) => `dujyo:host:${index}`);
      for (const key of keys) expect(await cluster.set(key, key, "EX", 600)).toBe("OK");
      for (const key of keys) expect(await cluster.get(key)).toBe(key);
    } finally {
      cluster.disconnect();
    }
  });

  it("follows redirections of a client in a container", async () => {
    const { redisPasswords } = inject("connection");
    // Two members of different shards: at least one of them has to redirect.
    for (const [member, port] of [
      ["redis-0", 6379],
      ["redis-2", 6381],
    ] as const) {
      const answer = await mustRun(
        "docker",
        [
          ...["exec", "--interactive", container("redis-5"), "redis-cli", "-c", "--no-auth-warning", "--tls"],
          ...[
            "--cacert",
            "/etc/dujyo/tls/ca.crt",
            "-h",
            member,
            "-p",
            String(port),
            "--user",
            "app",
            "--askpass",
          ],
          ...["GET", "dujyo:host:7"],
        ],
        { input: `${redisPasswords.app}\n`, timeout: 15_000 },
      );
      expect(answer).toContain("dujyo:host:7");
    }
  });

  it("lets the application neither configure nor flush nor read foreign keys", async () => {
    const cluster = redisClient();
    try {
      await expect(cluster.config("GET", "maxmemory")).rejects.toThrow(/NOPERM/);
      await expect(cluster.flushdb()).rejects.toThrow(/NOPERM/);
      await expect(cluster.get("foreign:key")).rejects.toThrow(/NOPERM/);
    } finally {
      cluster.disconnect();
    }
  });

  it.each([
    ["who names no user", {}, /NOAUTH/],
    ["the default user", { username: "default", password: "any" }, /WRONGPASS .* user is disabled/],
  ])("refuses %s", async (_, login, refusal) => {
    const { redis, redisCa } = inject("connection");
    for (const { host, published } of redis) {
      const client = new Redis({
        host: "127.0.0.1",
        port: published,
        tls: { ca: redisCa, servername: "localhost" },
        ...login,
        lazyConnect: true,
        enableReadyCheck: false,
        retryStrategy: () => null,
      });
      client.on("error", () => undefined);
      try {
        await expect(client.call("PING"), host).rejects.toThrow(refusal);
      } finally {
        client.disconnect();
      }
    }
  });

  it("speaks nothing but TLS 1.3", async () => {
    const { redis, redisCa } = inject("connection");
    const attempt = new Promise((resolve, reject) => {
      const socket = connect(
        {
          host: "127.0.0.1",
          port: redis[0]?.published,
          ca: redisCa,
          servername: "localhost",
          maxVersion: "TLSv1.2",
        },
        () => resolve(socket.getProtocol()),
      );
      socket.on("error", reject);
    });
    await expect(attempt).rejects.toThrow(/protocol version|alert|ECONNRESET/i);
  });
});

describe("etcd", () => {
  it("refuses a client without a certificate of its own authority", async () => {
    const answer = await run("docker", [
      ...["exec", container("postgres-0"), "python3", "-c"],
      "import ssl,urllib.request as u;c=ssl._create_unverified_context();print(u.urlopen('https://etcd-0:2379/version',context=c,timeout=5).read())",
    ]);
    expect(answer.code).not.toBe(0);
    expect(answer.stderr).toMatch(/certificate required|alert|reset|closed/i);
    expect(await leader()).toMatch(/^postgres-/);
  });
});
