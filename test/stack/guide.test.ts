import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { ROOT } from "../../tools/layout.ts";
import { mustRun, type Result, run } from "../../tools/process.ts";
import { leader, whole } from "../support/faults.ts";
import { BASE_SETTINGS, STACK } from "../support/stack-settings.ts";

/** The guide's page: has a row for all that the guide names; each line is run as a user would, and its answer looked at. */

const PSQL = "psql -U dujyo_user -d dujyo_blockchain";

/** Every command, statement, script, file and address that the guide names; passwords left out. */
const NAMED = [
  "brew install postgresql",
  "sudo apt-get install postgresql postgresql-contrib",
  "brew install redis",
  "sudo apt-get install redis-server",
  "cd dujyo-backend",
  "chmod +x scripts/setup_database_optimization.sh",
  "./scripts/setup_database_optimization.sh",
  "cp .env.database .env",
  "nano .env",
  "localhost:5432",
  "localhost:5433",
  "localhost:5434",
  "localhost:6379",
  `${PSQL} -f migrations/003_database_optimization.sql`,
  `${PSQL} -c "SELECT * FROM get_index_usage();"`,
  "./scripts/start_optimized_services.sh",
  "curl http://localhost:8083/health/detailed",
  "curl http://localhost:8083/metrics",
  "high_response_time: 1000ms",
  "low_cache_hit_ratio: 80%",
  "high_error_rate: 5%",
  "high_connection_usage: 90%",
  "high_slow_query_rate: 10%",
  "GET /admin/performance",
  "GET /admin/cache/stats",
  "GET /admin/database/stats",
  "redis-cli -a <password> info memory",
  `${PSQL} -c "SELECT * FROM pg_stat_activity;"`,
  `${PSQL} -c "SELECT * FROM get_slow_queries();"`,
  `${PSQL} -c "EXPLAIN ANALYZE SELECT * FROM balances WHERE address = 'test';"`,
  "curl http://localhost:8083/admin/database/stats",
  "redis-cli -a <password> ping",
  "ANALYZE;",
  "VACUUM ANALYZE balances;",
  "VACUUM ANALYZE transactions;",
  "redis-cli -a <password> config set maxmemory-policy allkeys-lru",
  "redis-cli -a <password> info stats",
  "SELECT * FROM get_slow_queries();",
  "SELECT * FROM get_index_usage();",
  "SELECT * FROM transaction_stats;",
  "SELECT * FROM user_balance_summary LIMIT 10;",
  "SELECT * FROM top_holders LIMIT 10;",
  "./scripts/monitor_database.sh",
  "curl http://localhost:8083/metrics | jq '.cache_hit_ratio'",
  "redis-cli -a <password> FLUSHDB",
  `${PSQL} -f scripts/performance_report.sql`,
  "./scripts/failover_to_replica.sh",
  "sudo systemctl restart redis-server",
  "top",
  "iostat -x 1",
  "src/cache/mod.rs",
  "src/database/mod.rs",
  "src/monitoring/mod.rs",
  "src/storage_optimized.rs",
  "src/main_optimized.rs",
  "config/postgresql-master.conf",
  "config/postgresql-replica.conf",
  "config/pg_hba.conf",
  "migrations/003_database_optimization.sql",
  "scripts/setup_database_optimization.sh",
  "scripts/performance_report.sql",
  "Cargo.toml",
];

const spans = (text: string) => [...text.matchAll(/`([^`]+)`/g)].map(([, span]) => span as string);

/** The page's tables, row by row: what the guide has, and what is there for it here. */
const ROWS = readFileSync(join(ROOT, "docs/coming-from-the-guide.md"), "utf8")
  .split("\n")
  .filter((line) => line.startsWith("| ") && !/^\| (the guide|---)/.test(line))
  .map((line) => {
    const [guide = "", here = ""] = line.slice(2, -2).split(/(?<!\\) \| /);
    return { guide: spans(guide.replaceAll("\\|", "|")), here };
  });

/** A line for the shell, and what is pasted into the program that it starts. */
interface Task {
  readonly line: string;
  readonly pasted?: string;
}

const COMMAND = /^(psql|redis-cli|curl|npm run|docker) /;
const TASKS: Task[] = ROWS.flatMap(({ guide, here }): Task[] => {
  if (here.startsWith("as it stands")) return guide.map((line) => ({ line }));
  if (here.startsWith("pasted into `psql`")) return [{ line: "psql", pasted: guide.join("\n") }];
  return spans(here)
    .filter((span) => COMMAND.test(span))
    .map((line) => ({ line }));
}).filter((task, at, all) => all.findIndex(({ line, pasted }) => key({ line, pasted }) === key(task)) === at);

function key({ line, pasted }: Task): string {
  return pasted ?? line;
}

/** Numbers of rows that psql tells below each table. */
const rowCounts = ({ stdout }: Result) =>
  [...stdout.matchAll(/^\((\d+) rows?\)$/gm)].map(([, count]) => Number(count));
const json = ({ stdout }: Result) => JSON.parse(stdout);
const isRatio = (value: unknown) => value === null || (typeof value === "number" && value >= 0 && value <= 1);
const says =
  (...expected: (string | RegExp)[]) =>
  ({ stdout }: Result) => {
    for (const text of expected) expect(stdout).toMatch(text);
  };

/** What each line has to answer; the first entry whose beginning fits. */
const ANSWERS: readonly (readonly [beginning: string, check: (answer: Result) => void])[] = [
  ["npm run up", says("All is well.")],
  ["npm run status", says("All is well.", /postgres-2/, /redis-5/)],
  ['psql -c "SELECT pg_is_in_recovery();"', says(/^ f$/m)],
  ["psql service=reader", says(/^ t$/m)],
  ["psql service=postgres-1", says(/^ [tf]$/m)],
  ["redis-cli cluster shards", says(/^slots$/m, /^master$/m, /^replica$/m)],
  [`${PSQL} -f migrations/`, says(/^CREATE VIEW$/m, /^CREATE FUNCTION$/m, /^ANALYZE$/m)],
  [`${PSQL} -f ops/sql/`, says(/report on/, /dujyo_blockchain/, /index by use/)],
  [`${PSQL} -c "SELECT * FROM get_index_usage`, says(/index_scans/, /idx_postings_history/)],
  [`${PSQL} -c "SELECT * FROM get_slow_queries`, says(/mean_time/, /pg_sleep/)],
  [`${PSQL} -c "SELECT * FROM pg_stat_activity`, says(/client backend/, /dujyo_blockchain/)],
  [
    `${PSQL} -c "EXPLAIN ANALYZE`,
    says(/Index (Only )?Scan using balances_pkey/, /Execution Time: [\d.]+ ms/),
  ],
  ['psql -c "ANALYZE;"', says(/^ANALYZE$/m)],
  [
    "SELECT * FROM get_slow_queries",
    (answer) => {
      const [slow = 0, indexes = 0, hours = 0] = rowCounts(answer);
      expect(slow).toBeGreaterThan(0);
      expect(indexes).toBeGreaterThan(10);
      expect(hours).toBeGreaterThan(0);
    },
  ],
  ["SELECT * FROM user_balance_summary", (answer) => expect(rowCounts(answer)).toEqual([10, 10])],
  ["ANALYZE;", ({ stdout }) => expect(stdout.trim().split("\n")).toEqual(["ANALYZE", "VACUUM", "VACUUM"])],
  [
    "curl http://localhost:8083/health",
    (answer) => expect(json(answer).database).toMatchObject({ total_read_replicas: 2 }),
  ],
  ["curl http://localhost:8083/metrics | jq", ({ stdout }) => expect(isRatio(JSON.parse(stdout))).toBe(true)],
  [
    "curl http://localhost:8083/metrics",
    (answer) => expect(isRatio(json(answer).cache_hit_ratio)).toBe(true),
  ],
  [
    "curl http://localhost:8083/admin/performance",
    (answer) =>
      expect(json(answer)).toMatchObject({
        circuit_breakers: expect.anything(),
        uptime_seconds: expect.any(Number),
      }),
  ],
  ["curl http://localhost:8083/admin/cache", (answer) => expect(isRatio(json(answer).hit_ratio)).toBe(true)],
  [
    "curl http://localhost:8083/admin/database",
    (answer) => expect(json(answer)).toMatchObject({ total_replicas: 2, master: expect.anything() }),
  ],
  ["redis-cli ping", says(/^PONG$/m)],
  ["redis-cli info memory", says(/^used_memory:[1-9]\d*/m)],
  ["redis-cli info stats", says(/^keyspace_hits:\d+/m)],
  ["redis-cli config get maxmemory-policy", says(/^allkeys-lru$/m)],
  ["npm run ops -- cache flush", says(/\d+ entries removed:/)],
  ["npm run ops -- report", says(/^Performance report of the stack/m)],
  ["npm run ops -- switchover", says(/^postgres-\d leads in place of postgres-\d/m)],
  ["npm run ops -- failover --dry-run", says(/postgres-\d leads and is healthy/, /WOULD BE LOST/)],
  ["npm run ops -- restart redis", says(/^Restarted (redis-\d, ){5}redis-\d in \d+ s\.$/m)],
  ["docker stats", says(/dujyo-.*postgres-0/)],
  ["npm run ops -- diagnose", says(/processor/, /memory/, /disk/)],
];

/** Lines whose exit code tells of more than themselves: something on the machine is bad. */
const JUDGES = ["npm run ops -- diagnose"];

let environment = "";

/** The page speaks of `dev`; the same line for the stack that is under test. */
function here(line: string): string {
  return line
    .replace(":8083", `:${8083 + Number(BASE_SETTINGS.portOffset)}`)
    .replace(/^npm run (\S+)$/, `npm run $1 -- --stack ${STACK}`)
    .replace(/^npm run \S+ -- .*/, `$& --stack ${STACK}`);
}

async function expectToWork(task: Task): Promise<void> {
  const answer = await run("sh", ["-c", `${environment}\n${here(task.line)}`], {
    cwd: ROOT,
    input: task.pasted ?? "",
    timeout: 300_000,
  });
  const told = `${key(task)}\n${answer.stdout}\n${answer.stderr}`;
  if (!JUDGES.includes(task.line)) expect(answer.code, told).toBe(0);
  // Neither psql nor redis-cli ends badly when the server says no.
  expect(told).not.toMatch(/^(ERR|NOAUTH|NOPERM|MOVED|READONLY)\b|ERROR:|FATAL:/m);
  ANSWERS.find(([beginning]) => key(task).startsWith(beginning))?.[1](answer);
}

/** Puts a statement that is slow enough for the guide's list into the statistics of the member that leads. */
async function beSlow(): Promise<void> {
  await mustRun("sh", ["-c", `${environment}\npsql -c 'SELECT pg_sleep(1.1)'`], { cwd: ROOT });
}

const SWITCHOVER = "npm run ops -- switchover";

describe("for whoever comes from the guide", () => {
  beforeAll(async () => {
    const printed = await mustRun(process.execPath, [join(ROOT, "ops/connect.ts"), "--stack", STACK]);
    environment = printed
      .split("\n")
      .filter((line) => /^ +export (PGSERVICE|PATH='[^']*\/connect\/)/.test(line))
      .join("\n");
    expect(environment.split("\n")).toHaveLength(3);
    await beSlow();
  });

  it("all that the guide names has a row", () => {
    const there = ROWS.flatMap(({ guide }) => guide);
    expect(NAMED.filter((name) => !there.includes(name))).toEqual([]);
    expect(there.filter((span) => !NAMED.includes(span))).toEqual([]);
  });

  it("every command on the page has an answer to look for", () => {
    const unknown = TASKS.filter((task) => !ANSWERS.some(([beginning]) => key(task).startsWith(beginning)));
    expect(unknown).toEqual([]);
    expect(TASKS.map(({ line }) => line)).toContain(SWITCHOVER);
  });

  it("every file that the page leads to is there", () => {
    const files = ROWS.flatMap((row) => spans(row.here)).filter(
      (span) => /\/|\.\w+$/.test(span) && !COMMAND.test(span),
    );
    expect(files.length).toBeGreaterThan(0);
    expect(files.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
  });

  it.each(TASKS.filter(({ line }) => line !== SWITCHOVER))("$line $pasted", async (task) => {
    await expectToWork(task);
  }, 600_000);

  it("the database's lines work when another member leads", async () => {
    const former = await leader();
    await expectToWork({ line: SWITCHOVER });
    expect(await leader()).not.toBe(former);
    await whole(3);
    await beSlow();
    for (const task of TASKS.filter(({ line }) => line.startsWith("psql"))) await expectToWork(task);
  }, 600_000);
});
