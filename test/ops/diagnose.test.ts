import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { judgeApi } from "../../ops/diagnose/api.ts";
import { likelyCause, RULES } from "../../ops/diagnose/cause.ts";
import { formatDiagnosis, statusFindings } from "../../ops/diagnose/diagnose.ts";
import type { Finding } from "../../ops/diagnose/finding.ts";
import { machineFindings, memberFindings, parseKernel } from "../../ops/diagnose/members.ts";
import { poolFindings } from "../../ops/diagnose/pooler.ts";
import { refusedSession, replicaFindings } from "../../ops/diagnose/postgres.ts";
import { parseInfo, redisFindings } from "../../ops/diagnose/redis.ts";
import { heads, type Session, sessionFindings } from "../../ops/diagnose/sessions.ts";
import { ROOT } from "../../tools/layout.ts";

const bad = (runbook: string): Finding => ({
  area: "a",
  subject: "s",
  figure: "f",
  bound: "",
  bad: true,
  runbook,
});
const badOnes = (findings: readonly Finding[]) => findings.filter((finding) => finding.bad);

describe("the likely cause", () => {
  it("is none where nothing is bad", () => {
    expect(likelyCause([{ ...bad("DiskNearlyFull"), bad: false }])).toBeUndefined();
  });

  it.each([
    [["PgBouncerClientsWaiting", "ApiErrorsHigh", "PostgresLockWaits"], "PostgresLockWaits"],
    [["PostgresLockWaits", "PostgresIdleInTransaction"], "PostgresIdleInTransaction"],
    [["ApiBreakerOpen", "RedisClusterDown", "RedisMemberDown"], "RedisClusterDown"],
    [["PostgresConnectionsHigh", "PatroniNoLeader"], "PatroniNoLeader"],
    [["NodeCpuBusy", "ContainerThrottled", "PostgresSlowStatements"], "PostgresSlowStatements"],
    [["CertificateExpiresSoon", "CacheHitsLow"], "CacheHitsLow"],
    [["CertificateExpiresSoon"], "CertificateExpiresSoon"],
  ])("of %j is %s", (runbooks, expected) => {
    const cause = likelyCause(runbooks.map(bad));
    expect(cause?.runbook).toBe(`docs/runbooks/${expected}.md`);
    expect([...(cause?.also ?? []), expected].sort()).toEqual([...runbooks].sort());
  });

  it("is what is seen now before what an alert still tells of", () => {
    const alert = { ...bad("PostgresMemberDown"), area: "alerts" };
    expect(likelyCause([alert, bad("CacheHitsLow")])?.finding.runbook).toBe("CacheHitsLow");
    expect(likelyCause([alert])).toMatchObject({
      sentence: expect.stringContaining("may just have ended"),
      runbook: "docs/runbooks/PostgresMemberDown.md",
    });
  });

  it("has a runbook for every rule", () => {
    const missing = RULES.filter(({ runbook }) => !existsSync(join(ROOT, `docs/runbooks/${runbook}.md`)));
    expect(missing).toEqual([]);
  });
});

const V1 = `memory/memory.usage_in_bytes 1000
memory/memory.limit_in_bytes 2000
memory/memory.stat cache 7
memory/memory.stat total_inactive_file 200
memory/memory.oom_control oom_kill 1
cpu/cpu.stat nr_periods 100
cpu/cpu.stat nr_throttled 10
cpuacct/cpuacct.usage 5000000000
machine ticks 10 0 10 70 10 0 0 0
machine MemTotal:        1000 kB
machine MemAvailable:     500 kB
df /dev/vda 1000 950 50 95% /var/lib/dujyo`;
const V2 = `memory.current 1000
memory.max max
memory.stat inactive_file 100
memory.events oom_kill 0
cpu.stat usage_usec 2000000
cpu.stat nr_periods 4
cpu.stat nr_throttled 1`;

describe("figures of the kernel", () => {
  it("are read from both versions of control groups", () => {
    expect(parseKernel(V1, 0)).toMatchObject({
      memory: 800,
      memoryLimit: 2_000,
      outOfMemory: 1,
      processor: 5,
      periods: 100,
      throttled: 10,
      disk: { size: 1_000, free: 50 },
      machine: { ticks: 100, idle: 70, waiting: 10, memory: 1_024_000, memoryAvailable: 512_000 },
    });
    expect(parseKernel(V2, 0)).toMatchObject({
      memory: 900,
      memoryLimit: undefined,
      processor: 2,
      periods: 4,
      throttled: 1,
      disk: undefined,
    });
  });

  it("judge a member and its machine by what happened in between", () => {
    const before = parseKernel(V1, 0);
    const after = {
      ...before,
      at: 2_000,
      processor: 6,
      periods: 120,
      throttled: 20,
      memory: 1_950,
      outOfMemory: 2,
      machine: { ...before.machine, ticks: 200, idle: 70, waiting: 50, memoryAvailable: 50_000 },
    };
    const found = memberFindings("postgres-0", before, after);
    expect(found[0]?.figure).toBe("0.50 cores, throttled in 50 % of the time");
    expect(badOnes(found).map(({ runbook }) => runbook)).toEqual([
      "ContainerThrottled",
      "ContainerMemoryHigh",
      "ContainerOutOfMemory",
      "DiskNearlyFull",
    ]);
    const machine = machineFindings(before, after);
    expect(machine.map(({ figure }) => figure)).toEqual([
      "60 % busy",
      "processors wait for it in 40 % of the time",
      "48.8 KiB available, 4.9 %",
    ]);
    expect(badOnes(machine).map(({ runbook }) => runbook)).toEqual(["EtcdSlowDisk", "NodeMemoryLow"]);
    // What was killed long ago is told, and no cause of what is wrong now.
    expect(
      badOnes(memberFindings("p", { ...before, disk: undefined }, { ...before, disk: undefined })),
    ).toEqual([]);
  });
});

const session = (more: Partial<Session>): Session => ({
  pid: 1,
  role: "dujyo_app",
  application: "",
  state: "active",
  wait_type: null,
  wait: null,
  blocked_by: [],
  transaction: 0,
  statement: 0,
  in_state: 0,
  text: "SELECT 1",
  ...more,
});
const room = { used: 5, limit: 100 };

describe("sessions", () => {
  const queue = [
    session({ pid: 10, state: "idle in transaction", transaction: 20, in_state: 12, text: "UPDATE a" }),
    session({ pid: 11, blocked_by: [10], statement: 10, wait_type: "Lock" }),
    session({ pid: 12, blocked_by: [11], statement: 8, wait_type: "Lock" }),
    session({ pid: 13, blocked_by: [12, 10], statement: 5, wait_type: "Lock" }),
  ];

  it("have one head of the queue, however long that is", () => {
    expect(heads(queue).map(({ session: { pid }, waiting }) => [pid, waiting])).toEqual([[10, 3]]);
  });

  it("that wait for each other have no head", () => {
    expect(heads([session({ pid: 1, blocked_by: [2] }), session({ pid: 2, blocked_by: [1] })])).toEqual([]);
  });

  it("that are idle in a transaction and block others are the cause", () => {
    const found = sessionFindings("postgres-0", queue, room, 1);
    expect(badOnes(found).map(({ runbook }) => runbook)).toEqual([
      "PostgresLockWaits",
      "PostgresIdleInTransaction",
    ]);
    expect(likelyCause(found)?.finding.figure).toBe(
      "process 10 of dujyo_app, idle in transaction for 12 s (UPDATE a) blocks 3",
    );
    expect(likelyCause(found)?.command).toContain("pg_terminate_backend(10)");
  });

  it("are well where none waits", () => {
    expect(badOnes(sessionFindings("p", [session({ statement: 0.1 })], room, 1))).toEqual([]);
  });

  it.each([
    ["PostgresConnectionsHigh", [], { used: 95, limit: 100 }],
    ["PostgresIdleInTransaction", [session({ state: "idle in transaction", in_state: 31 })], room],
    ["PostgresLongTransaction", [session({ transaction: 301 })], room],
    ["PatroniSynchronousStandbyMissing", [session({ wait: "SyncRep", in_state: 3, statement: 3 })], room],
    ["PostgresSlowStatements", [session({ statement: 1.5 })], room],
  ])("show %s", (runbook, sessions, connections) => {
    expect(badOnes(sessionFindings("p", sessions, connections, 1)).map((one) => one.runbook)).toEqual([
      runbook,
    ]);
  });

  it("that are refused tell a full member from one that is gone", () => {
    expect(refusedSession("p", Object.assign(new Error("full"), { code: "53300" })).runbook).toBe(
      "PostgresConnectionsHigh",
    );
    expect(refusedSession("p", new Error("connect ECONNREFUSED")).runbook).toBe("PostgresMemberDown");
  });
});

describe("replicas, pools, cache and API", () => {
  it("tell a replica that lags", () => {
    const replica = { name: "postgres-1", state: "streaming", bytes: 0, seconds: 0 };
    const found = replicaFindings(
      [replica, { ...replica, bytes: 32e6 }, { ...replica, seconds: 11 }, { ...replica, state: "catchup" }],
      16e6,
    );
    expect(found.map(({ bad, runbook }) => bad && runbook)).toEqual([
      false,
      "ReplicationLagBytes",
      "ReplicationLagSeconds",
      "PatroniReplicaNotStreaming",
    ]);
  });

  it("tell clients that wait, and a pool that is held", () => {
    const pools = (waiting: number, active: number) =>
      `dujyo_blockchain|dujyo_app|9|${waiting}|0|0|${active}|0|0|1|0|0|0|2|0|transaction|\npgbouncer|pgbouncer|2|9|0|0|0|0|0|0|0|0|0|9|0|statement|`;
    const databases = (paused: number) =>
      `dujyo_blockchain|haproxy|5000|dujyo_blockchain||10|0|5|600|||15|3|0|2|${paused}|0`;
    expect(
      badOnes(poolFindings("pgbouncer", pools(7, 10), databases(1))).map(({ runbook }) => runbook),
    ).toEqual(["PgBouncerPaused", "PgBouncerClientsWaiting"]);
    const calm = pools(0, 1).replace("|2|0|transaction", "|0|0|transaction");
    expect(badOnes(poolFindings("pgbouncer", calm, databases(0)))).toEqual([]);
    const busy = pools(0, 10).replace("|2|0|transaction", "|0|0|transaction");
    expect(badOnes(poolFindings("pgbouncer", busy, databases(0)))[0]?.runbook).toBe("PgBouncerPoolBusy");
  });

  it("tell evictions by their rate, and a cluster that is incomplete", () => {
    const info = (evicted: number, state = "ok") =>
      parseInfo(
        `# Memory\r\nused_memory:50\r\nmaxmemory:100\r\nevicted_keys:${evicted}\r\ncluster_state:${state}\r\n`,
      );
    expect(badOnes(redisFindings("redis-0", info(1_000), info(1_000), 3))).toEqual([]);
    expect(badOnes(redisFindings("redis-0", info(0), info(60), 3))[0]?.figure).toBe(
      "50 B of 100 B, 50 %; 20.0 evictions/s, 60 in all",
    );
    expect(badOnes(redisFindings("redis-0", info(0), info(0, "fail"), 3))[0]?.runbook).toBe(
      "RedisClusterDown",
    );
    expect(redisFindings("redis-0", info(0), null, 3)[0]?.runbook).toBe("RedisMemberDown");
  });

  it("tell what users see, and what has raised an alarm", () => {
    const well = { breakers: [], errors: 0, p95: 0.01, hits: 0.9, requests: 5, alerts: [] };
    expect(badOnes(judgeApi(well))).toEqual([]);
    const open = { labels: { instance: "api-0", breaker: "redis" }, value: 2 };
    const ill = {
      breakers: [open],
      errors: 0.06,
      p95: 1.5,
      hits: 0.5,
      requests: 5,
      alerts: [{ name: "ArchiveOld", subject: "postgres-0" }],
    };
    expect(badOnes(judgeApi(ill)).map(({ runbook }) => runbook)).toEqual([
      "ApiBreakerOpen",
      "ApiErrorsHigh",
      "ApiResponseSlow",
      "CacheHitsLow",
      "ArchiveOld",
    ]);
  });
});

describe("a diagnosis", () => {
  it("names what status finds", () => {
    const problems = [
      "haproxy is missing",
      "redis-3 is not healthy: exited",
      "PostgreSQL has 0 leaders instead of 1",
      "PostgreSQL has 0 of the 1 quorum standbys that are demanded",
    ];
    expect(statusFindings({ well: false, members: [], problems }).map(({ runbook }) => runbook)).toEqual([
      "HaproxyDown",
      "RedisMemberDown",
      "PatroniNoLeader",
      "PatroniSynchronousStandbyMissing",
    ]);
    expect(badOnes(statusFindings({ well: true, members: [], problems: [] }))).toEqual([]);
  });

  it("ends with the cause, the command and the runbook", () => {
    const findings = [{ ...bad("X"), bad: false }, bad("PgBouncerClientsWaiting"), bad("PatroniNoLeader")];
    const lines = formatDiagnosis({ findings, cause: likelyCause(findings) }).split("\n");
    expect(lines.slice(-5)).toEqual([
      "Likely cause: No member of PostgreSQL leads: nothing can be written.",
      "  s: f",
      "Do first: npm run ops -- failover --dry-run",
      "Runbook: docs/runbooks/PatroniNoLeader.md",
      "Bad as well, and probably a consequence: PgBouncerClientsWaiting",
    ]);
    expect(lines.findIndex((line) => line.startsWith("ok"))).toBe(3);
  });

  it("shows of many that are well the nearest to their bounds, and all that are bad", () => {
    const member = (subject: string, near: number, isBad = false) => ({
      ...bad("ContainerMemoryHigh"),
      subject,
      near,
      bad: isBad,
    });
    const findings = [0.1, 0.4, 0.2, 0.3, 0.5].map((near) => member(`m${near * 10}`, near));
    const text = formatDiagnosis({ findings: [...findings, member("ill", 1.1, true)], cause: undefined });
    expect(
      text
        .split("\n")
        .slice(1, 5)
        .map((line) => line.split(/\s+/)[2]),
    ).toEqual(["ill", "m4", "m3", "m5"]);
    expect(text).toContain("2 more are further from their bounds");
  });
});
