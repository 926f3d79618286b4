import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { publishedPorts } from "../../infra/ports.ts";
import { connectionDemand, postgresMemory, redisMaxMemory } from "../../infra/settings/budgets.ts";
import { IDENTITY_KEYS } from "../../infra/settings/identity.ts";
import { parseConfiguration, parseSettings } from "../../infra/settings/parse.ts";
import { RECOVERY_PROFILES, worstNodeLoss, worstPostgresCrash } from "../../infra/settings/recovery.ts";
import { settingsSchema } from "../../infra/settings/schema.ts";
import { keysThatDiffer, parseStackFile, readStackFile } from "../../infra/settings/stack-file.ts";
import { problemsOf } from "../support/settings-problems.ts";

const ROOT = join(import.meta.dirname, "../..");

describe("settings", () => {
  it("fill in every default", () => {
    const settings = parseSettings("dev", {});
    expect(settings.postgres.replicas).toBe(2);
    expect(settings.redis.shards).toBe(3);
    expect(settings.target).toBe("docker");
  });

  it("report everything that is wrong at once, each with path, value and way out", () => {
    const problems = problemsOf({
      target: "vax",
      flavour: "mint",
      postgres: { replicas: "many", memory: "5", replicsa: 1, parameters: { fsync: "off" } },
      redis: { shards: 2 },
    });
    expect(Object.keys(problems).sort()).toEqual([
      "flavour",
      "postgres.memory",
      "postgres.parameters.fsync",
      "postgres.replicas",
      "postgres.replicsa",
      "redis.shards",
      "target",
    ]);
    expect(problems["postgres.replicas"]).toBe('is "many"; use a whole number from 0 to 15');
    expect(problems["redis.shards"]).toBe("is 2; use a whole number from 3 to 100");
    expect(problems["postgres.replicsa"]).toContain("known here: replicas, synchronousReplicas");
    expect(problems.target).toBe('is "vax"; use one of docker, kubernetes');
  });

  it("take a standby with somebody to follow and its identity, on Kubernetes alone", () => {
    const otherSite = { host: "other.example", knownAs: "here.example" };
    expect(Object.keys(problemsOf({ target: "kubernetes", postgres: { standby: true } })).sort()).toEqual([
      "postgres.standby",
      "postgresIdentity",
    ]);
    const standby = { target: "kubernetes", postgres: { standby: true, otherSite } };
    expect(problemsOf({ ...standby, postgresIdentity: { secure: "v1:hidden" } })).toEqual({});
    expect(problemsOf({ ...standby, postgresIdentity: { owner: "hidden" } }).postgresIdentity).toMatch(
      /^has no certificate, privateKey, superuser, .*config set --secret dujyo:postgresIdentity/,
    );
    expect(problemsOf({ postgres: { otherSite } })).toEqual({
      "postgres.otherSite.host": expect.stringContaining("loopback"),
    });
  });

  it("refuse weak passwords of another site, and do not repeat them", () => {
    const standby = {
      target: "kubernetes",
      postgres: { standby: true, otherSite: { host: "other.example", knownAs: "here.example" } },
    };
    const strong = "Zq3-of-the-other-site";
    const identity = Object.fromEntries(IDENTITY_KEYS.map((key) => [key, strong]));
    expect(problemsOf({ ...standby, postgresIdentity: identity })).toEqual({});
    for (const weak of ["open-sesame", "abababababababababababab"]) {
      const problems = problemsOf({ ...standby, postgresIdentity: { ...identity, app: weak } });
      expect(problems["postgresIdentity.app"]).toMatch(/^is a weak password, \d+ characters, \d+ of them/);
      expect(JSON.stringify(problems)).not.toContain(weak);
    }
  });

  it("refuse an identity that stands in a stack file as plain text", () => {
    const text = 'config:\n  dujyo:postgresIdentity: { owner: "open-sesame" }\n';
    expect(() => parseStackFile("dev", text)).toThrow(
      /postgresIdentity stands in the stack file unencrypted/,
    );
    expect(() => parseStackFile("dev", text)).not.toThrow(/open-sesame/);
  });

  it.each([
    [[]],
    [[0]],
    [[2, 1]],
    [[1, 1]],
    [[1, 2, 3]],
    ["1"],
  ])("take no %j for the token keys", (tokenKeys) => {
    expect(problemsOf({ api: { tokenKeys } })["api.tokenKeys"]).toContain(
      "use one number from 1 to 32767, or two",
    );
  });

  it.each([
    [[]],
    [[0]],
    [[1, 1]],
    [[1, 2, 3]],
    ["1"],
  ])("take no %j for the passwords of Redis or PostgreSQL", (passwords) => {
    const problems = problemsOf({ redis: { passwords }, postgres: { passwords } });
    for (const section of ["redis", "postgres"])
      expect(problems[`${section}.passwords`]).toContain(
        "use one number from 1 to 32767, or two different ones",
      );
  });

  it.each([
    [[]],
    [[2, 4]],
    [[1, 3]],
    [[1, 2, 3]],
  ])("take no %j for the passwords of members, whose roles take turns", (memberPasswords) => {
    expect(problemsOf({ postgres: { memberPasswords } })["postgres.memberPasswords"]).toContain(
      "an odd and an even one with the one in use last",
    );
  });

  it("let members of two sites log in as the role that both know", () => {
    const postgres = { otherSite: { host: "other.example", knownAs: "here.example" } };
    const problems = (memberPasswords: number[]) =>
      problemsOf({ target: "kubernetes", postgres: { ...postgres, memberPasswords } });
    expect(problems([3])).toEqual({});
    expect(problems([2])["postgres.memberPasswords"]).toMatch(/rotate once more before/);
  });

  it("take passwords that are accepted and not yet in use", () => {
    expect(parseSettings("dev", { redis: { passwords: [2, 1] } }).redis.passwords).toEqual([2, 1]);
  });

  it("report keys under a foreign prefix beside all else, and let those of the engine and its provider pass", () => {
    const all = {
      "dujyo:target": "docker",
      "dujyo:postgres": { replicas: "many" },
      "dujy:postgres": { replicas: 3 },
      redis: { shards: 4 },
      "kubernetes:context": "prod",
      "docker:host": "unix:///run/docker.sock",
      "pulumi:tags": { owner: "platform" },
    };
    const problems = problemsOf(all, parseConfiguration);
    expect(Object.keys(problems).sort()).toEqual([
      "dujy:postgres",
      "kubernetes:context",
      "postgres.replicas",
      "redis",
    ]);
    expect(problems["dujy:postgres"]).toBe(
      'is read by nobody; settings begin with "dujyo:", those of the engine and its provider with "pulumi:" or "docker:". Remove it or correct its prefix',
    );
    expect(() => parseConfiguration("dev", all)).toThrow(
      /\n {2}dujy:postgres is read[\s\S]*\n {2}dujyo:postgres\.replicas is/,
    );
    expect(
      Object.keys(problemsOf({ "dujyo:target": "kubernetes", "docker:host": "" }, parseConfiguration)),
    ).toEqual(["docker:host"]);
  });

  it("refuse more members of Redis than there are ports before another part's, with the arithmetic", () => {
    const reason = (redis: object, more = {}) => problemsOf({ redis, ...more })["redis.shards"];
    expect(reason({ shards: 27 })).toBe(
      "is 27: 27 x 2 members take the ports 6379 to 6432, but 6432 is pgbouncer's; use at most 26, or fewer redis.replicasPerShard",
    );
    expect(reason({ shards: 26 })).toBeUndefined();
    expect(reason({ shards: 14, replicasPerShard: 3 }, { portOffset: 1_000 })).toContain("use at most 13");
    expect(reason({ shards: 100 }, { target: "kubernetes" })).toBeUndefined();
  });

  it("refuse more members than the network has addresses, with the arithmetic", () => {
    const given = (instances: number) => ({
      api: { instances, workers: 1 },
      postgres: { maxConnections: 400, memory: "4 GB" },
    });
    expect(problemsOf(given(100))["api.instances"]).toBeUndefined();
    const crowded = {
      ...given(100),
      etcd: { members: 7 },
      postgres: { ...given(100).postgres, replicas: 15 },
    };
    expect(problemsOf(crowded)["api.instances"]).toContain(
      "10 single parts + 7 etcd + 16 PostgreSQL + 16 exporters of theirs + 100 API = 149 addresses, and the network hands out 126; use at most 77",
    );
  });

  it("publish no port beyond 65535 at the largest offset", () => {
    const settings = parseSettings("dev", {
      portOffset: 50_000,
      redis: { shards: 26 },
      postgres: { replicas: 15, maxConnections: 200, memory: "1 GB" },
    });
    const ports = publishedPorts(settings).map(({ port }) => port);
    expect(Math.max(...ports)).toBeLessThanOrEqual(65_535);
    expect(new Set(ports).size).toBe(ports.length);
    expect(problemsOf({ portOffset: 50_001 }).portOffset).toContain("from 0 to 50000");
  });

  it.each([
    "999.1.2.0/24",
    "10.0.0.0/16",
    "10.0.0.7/24",
    "10.0.0/24",
    "10.0.0.0",
  ])("refuse the network %s of a stack on Docker", (subnet) => {
    expect(problemsOf({ docker: { subnet } })["docker.subnet"]).toContain(
      `is "${subnet}"; use an IPv4 network`,
    );
  });

  it.each([
    "access.allowedCidrs",
    "access.adminCidrs",
  ] as const)("refuse what is no network in %s", (path) => {
    const key = path.replace("access.", "");
    const issues = (value: unknown) => problemsOf({ access: { [key]: value } });
    expect(issues(["10.8.0.0/24", "192.168.7.9/32"])).toEqual({});
    for (const bad of [
      "10.8.0.1/24",
      "10.8.0.0",
      "0.0.0.0/0",
      "vpn",
      "10.8.0.256/32",
      "fd00::/8",
      "10.0.0.0/24, 10.1.0.0/24",
    ])
      expect(issues(["10.8.0.0/24", bad])).toEqual({
        [`${path}.1`]: `is "${bad}"; use an IPv4 network such as "10.8.0.0/24", each number from 0 to 255, /8 to /32, no bit set beyond that`,
      });
    expect(issues("10.8.0.0/24")).toEqual({
      [path]: 'is "10.8.0.0/24"; use a list of IPv4 networks such as ["10.8.0.0/24"]',
    });
  });

  it("take networks of any length for Kubernetes, and refuse what is none", () => {
    const problems = (podNetwork: string) => problemsOf({ target: "kubernetes", kubernetes: { podNetwork } });
    expect(problems("10.244.0.0/14")).toEqual({});
    expect(problems("10.244.0.0/13")["kubernetes.podNetwork"]).toContain("no bit set beyond that");
    expect(problems("10.244.0.0/33")["kubernetes.podNetwork"]).toContain("/0 to /32");
  });

  it("refuse open admin routes where more than loopback reaches them", () => {
    const problems = (target: string) => problemsOf({ target, api: { adminAuth: false } });
    expect(problems("kubernetes")).toHaveProperty(["api.adminAuth"]);
    expect(problems("docker")).not.toHaveProperty(["api.adminAuth"]);
  });

  it("refuse pools that do not fit max_connections, with the arithmetic", () => {
    const reason = problemsOf({ postgres: { maxConnections: 40 } })["postgres.maxConnections"];
    expect(reason).toContain(
      "is 40, but one member may have to carry 70 sessions: 25 pooler, to the writer (20 + 5 in reserve)",
    );
    expect(reason).toContain("raise it to 70");
  });

  it("count the readers' sessions for each replica, and once where there is none", () => {
    const reason = (replicas: number) =>
      problemsOf({
        postgres: { replicas, synchronousReplicas: Math.min(replicas, 1), maxConnections: 40 },
      })["postgres.maxConnections"];
    expect(reason(4)).toContain(
      "45 pooler, to the reader, which falls back to the primary (10 x 4 replicas + 5)",
    );
    expect(reason(0)).toContain(
      "15 pooler, to the reader, which falls back to the primary (10 x 1 replicas + 5)",
    );
  });

  it("refuse a member too small for its sessions, with the arithmetic", () => {
    const reason = problemsOf({ postgres: { memory: "256 MB" } })["postgres.memory"];
    expect(reason).toContain(
      "256 MB - shared_buffers 64 - Patroni 72 - maintenance 48 = 72 MB for 100 sessions",
    );
  });

  it("refuse a Redis member without room for a fork", () => {
    expect(problemsOf({ redis: { memory: "40 MB" } })["redis.memory"]).toContain('use at least "54 MB"');
    expect(problemsOf({ redis: { memory: "54 MB" } })).toEqual({});
  });

  it("refuse quorums that a single loss would break", () => {
    expect(problemsOf({ etcd: { members: 2 } })["etcd.members"]).toContain("use an odd number");
    expect(problemsOf({ postgres: { synchronousReplicas: 2 } })["postgres.synchronousReplicas"]).toContain(
      "use at most 1",
    );
    expect(problemsOf({ postgres: { synchronousReplicas: 0 } })["postgres.synchronousReplicas"]).toContain(
      "at least 1",
    );
    expect(problemsOf({ postgres: { replicas: 0, synchronousReplicas: 0 } })).toEqual({});
  });
});

/** Every duration among the settings with its limits, by its path. */
function durations(
  schema: unknown,
  path: readonly string[] = [],
): [string, { least: string; most: string }][] {
  const {
    properties = {},
    least,
    most,
  } = schema as {
    properties?: Record<string, unknown>;
    least?: string;
    most?: string;
  };
  if (least !== undefined && most !== undefined) return [[path.join("."), { least, most }]];
  return Object.entries(properties).flatMap(([key, below]) => durations(below, [...path, key]));
}

describe("a duration", () => {
  const all = durations(z.toJSONSchema(settingsSchema, { unrepresentable: "any", io: "input" }));
  const given = (path: string, value: string) => {
    const nested = path.split(".").reduceRight<unknown>((below, key) => ({ [key]: below }), value);
    return nested as Record<string, unknown>;
  };

  it.each(all)("%s is taken at its limits and refused beyond them", (path, { least, most }) => {
    const factor = (text: string, by: number) =>
      text.replace(/^\S+/, (number) => String(Number(number) * by));
    expect(problemsOf(given(path, least))).toEqual({});
    expect(problemsOf(given(path, most))).toEqual({});
    const beyond = [factor(most, 1.01), ...(least.startsWith("0") ? [] : [factor(least, 0.99)]), "-1 s"];
    for (const value of beyond)
      expect(problemsOf(given(path, value))[path], value).toBe(
        `is "${value}"; write a duration from "${least}" to "${most}" (units ms, s, min, h, d)`,
      );
  });

  it.each([
    ["cache.maxStaleness", "500 ms"],
    ["cache.balanceTtl", "2 h"],
    ["api.queryTimeout", "0 ms"],
    ["monitoring.scrapeInterval", "5 min"],
    ["monitoring.scrapeInterval", "0 s"],
    ["monitoring.retention", "1 h"],
  ])("%s of %s is refused", (path, value) => {
    expect(problemsOf(given(path, value))[path]).toContain(value);
  });
});

describe("a parameter of PostgreSQL", () => {
  const problem = (name: string, value: string | number | boolean) =>
    problemsOf({ postgres: { parameters: { [name]: value } } })[`postgres.parameters.${name}`];

  it.each([
    ["log_min_messages", "error"],
    ["max_locks_per_transaction", 192],
    ["jit", true],
    ["jit", "ON"],
    ["wal_compression", true],
    ["log_statement", "MOD"],
    ["checkpoint_timeout", "5min"],
    ["checkpoint_timeout", 300],
    ["temp_buffers", "16 MB"],
    ["random_page_cost", "1.1"],
    ["autovacuum_vacuum_cost_delay", "2ms"],
    ["log_line_prefix", "%m "],
    ["pg_stat_statements.track", "all"],
    ["app.tenant", "x"],
  ])("%s takes %j", (name, value) => {
    expect(problem(name, value)).toBeUndefined();
  });

  it.each([
    [
      "max_lock_per_transaction",
      192,
      /^is no parameter of PostgreSQL 17 that can be set; .*correct its name$/,
    ],
    ["pg_stat_statements.trak", "all", /those of pg_stat_statements are .*pg_stat_statements\.track,/],
    ["block_size", 8192, /^is no parameter/],
    ["data_directory", "/tmp", /^is computed/],
    ["max_locks_per_transaction", 5, /^is 5; use a whole number from 10 to 2147483647$/],
    [
      "checkpoint_timeout",
      "2d",
      /^is "2d"; use a whole number from 30 to 86400, counted in s, or one with a unit \(us, ms, s, min, h, d\)$/,
    ],
    ["checkpoint_timeout", "5MB", /counted in s/],
    [
      "temp_buffers",
      "400 kB",
      /^is "400 kB"; use a whole number from 100 to 1073741823, counted in 8kB, or one with a unit \(B, kB, MB, GB, TB\)$/,
    ],
    ["temp_buffers", "16 mb", /B, kB, MB/],
    ["random_page_cost", "cheap", /^is "cheap"; use a number from 0/],
    ["jit", "perhaps", /^is "perhaps"; use on or off$/],
    ["log_statement", "some", /^is "some"; use one of none, ddl, mod, all$/],
    ["log_statement", true, /^is true; use one of none/],
  ])("%s refuses %j", (name, value, reason) => {
    expect(problem(name, value)).toMatch(reason);
  });
});

describe("the stack file", () => {
  it("is refused with a key at its top that nobody reads, beside all else, and may have the engine's", () => {
    const folder = mkdtempSync(join(tmpdir(), "stack-file-"));
    const write = (text: string) => writeFileSync(join(folder, "Pulumi.x.yaml"), text);
    write("encryptionsalt: v1:x\nconfig:\n  dujyo:target: docker\n");
    expect(readStackFile("x", folder).settings.target).toBe("docker");
    write("confg:\n  dujyo:target: kubernetes\nconfig:\n  dujyo:targt: docker\n");
    expect(() => readStackFile("x", folder)).toThrow(
      /\n {2}confg is read by nobody at the top of the file[\s\S]*\n {2}dujyo:targt is no setting/,
    );
    rmSync(folder, { recursive: true });
  });

  const files = readdirSync(ROOT).filter((name) => /^Pulumi\.(?!test)\w+\.yaml$/.test(name));

  it.each(files)("%s is accepted", (name) => {
    expect(readStackFile(name.split(".")[1] as string, ROOT).settings.target).toMatch(/docker|kubernetes/);
  });
});

describe("recovery profiles", () => {
  it.each(
    Object.entries(RECOVERY_PROFILES),
  )("%s keeps Patroni's rule and leaves a frozen primary before its lease ends", (_, profile) => {
    expect(profile.loopWait + 2 * profile.retryTimeout).toBeLessThanOrEqual(profile.ttl);
    expect(profile.ttl).toBeGreaterThanOrEqual(20);
    const left = (profile.checkFall * profile.checkInterval + profile.checkTimeout) / 1_000;
    expect(left).toBeLessThan(profile.ttl - profile.loopWait);
  });

  it("have the worst cases that follow from their times", () => {
    const { fast, balanced, tolerant, stock } = RECOVERY_PROFILES;
    expect([fast, balanced, tolerant, stock].map(worstNodeLoss)).toEqual([23, 34, 65, 38]);
    // stock: a primary may recover for 300 s before another is elected.
    expect([fast, balanced, tolerant, stock].map(worstPostgresCrash)).toEqual([6, 9, 15, 318]);
  });
});

describe("derived sizes", () => {
  const settings = parseSettings("dev", {});

  it("count the sessions of one member that carries everything", () => {
    expect(connectionDemand(settings).reduce((sum, part) => sum + part.sessions, 0)).toBe(70);
  });

  it("leave each pooled role, within its limit of sessions, all that its pools may open", () => {
    const roles = readFileSync(join(ROOT, "config/postgres/roles.sql"), "utf8");
    const [, left] = /'dujyo_app', most - (\d+)/.exec(roles) ?? [];
    // Of the smallest pools: the look-ups, people, Patroni, what is reserved, and one session of the other pool.
    const smallest = parseSettings("dev", {
      api: { instances: 1, workers: 1 },
      monitoring: { enabled: false },
      pgbouncer: { instances: 1, writerPool: 1, readerPool: 1, reserve: 0 },
      postgres: { replicas: 1 },
    });
    const others = connectionDemand(smallest).filter(({ who }) => !/to the writer|listeners/.test(who));
    expect(others.reduce((sum, { sessions }) => sum + sessions, 0)).toBe(Number(left));
  });

  it("give PostgreSQL a quarter of the memory as shared buffers and stay inside the limit", () => {
    const memory = postgresMemory(settings.postgres);
    expect(memory.sharedBuffers).toBe(128);
    expect(memory.workMem).toBeGreaterThanOrEqual(1);
  });

  it("leave Redis room for itself and a fork", () => {
    expect(redisMaxMemory(settings.redis)).toBe(44 * 2 ** 20);
  });
});

describe("the engine's configuration", () => {
  const file = [
    "config:",
    "  dujyo:portOffset: 1000",
    '  dujyo:target: "docker"',
    "  dujyo:redis: { memory: 72 MB, cpus: 0.5 }",
    "  other:key: 1",
    "",
  ].join("\n");
  const same = { portOffset: "1000", target: "docker", redis: '{"cpus":0.5,"memory":"72 MB"}' };

  it("is what the stack's file says, whatever the order; secrets are not compared", () => {
    expect(keysThatDiffer(file, { ...same, receiverSecrets: '{"oncall":"x"}' })).toEqual([]);
  });

  it("differs by what was changed in either, named by key", () => {
    const { portOffset: _, ...less } = same;
    expect(keysThatDiffer(file, { ...less, redis: '{"memory":"72 MB"}', etcd: '{"members":1}' })).toEqual([
      "etcd",
      "portOffset",
      "redis",
    ]);
  });
});
