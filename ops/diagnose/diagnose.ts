import { expectedMembers } from "../expected.ts";
import type { RunningStack } from "../running-stack.ts";
import { readStatus, type Status } from "../stack-status.ts";
import { formatTable } from "../table.ts";
import { apiFindings } from "./api.ts";
import { type Cause, likelyCause } from "./cause.ts";
import type { Finding } from "./finding.ts";
import { machineFindings, memberFindings, readKernel } from "./members.ts";
import { poolerFindings } from "./pooler.ts";
import { postgresFindings } from "./postgres.ts";
import { readRedis, redisFindings } from "./redis.ts";

export interface Diagnosis {
  readonly findings: readonly Finding[];
  readonly cause: Cause | undefined;
}

/** Shortest time over which rates are taken, milliseconds: some periods of the processor limit, which are 100 ms long. */
const WINDOW = 3_000;

/** Looks at every part once, and at counters twice. */
export async function diagnose(stack: RunningStack): Promise<Diagnosis> {
  const connection = await stack.connection();
  const running = stack.members.filter((member) => member.running);
  const kernels = () =>
    Promise.all(
      running.map(async (member) => [member.name, await readKernel(stack.platform, member)] as const),
    );
  const started = performance.now();
  const [before, cacheBefore] = await Promise.all([kernels(), readRedis(connection)]);
  const [status, ...found] = await Promise.all([
    readStatus(stack.platform, expectedMembers(stack.settings)),
    postgresFindings(stack, connection),
    poolerFindings(stack),
    apiFindings(stack),
  ]);
  const elapsed = performance.now() - started;
  // The window is what is measured over, not a wait for something to happen.
  if (elapsed < WINDOW) await new Promise((resolve) => setTimeout(resolve, WINDOW - elapsed));
  const [after, cacheAfter] = await Promise.all([kernels(), readRedis(connection)]);
  const seconds = (performance.now() - started) / 1_000;
  const later = new Map(after);
  const pairs = before.flatMap(([name, first]) => {
    const second = later.get(name);
    return first && second ? [{ name, first, second }] : [];
  });
  const [any] = pairs;
  const findings = [
    ...statusFindings(status),
    ...(any ? machineFindings(any.first, any.second) : []),
    ...pairs.flatMap(({ name, first, second }) => memberFindings(name, first, second)),
    ...found.flat(),
    ...[...cacheAfter].flatMap(([name, node]) =>
      redisFindings(name, cacheBefore.get(name) ?? null, node, seconds),
    ),
  ];
  return { findings, cause: likelyCause(findings) };
}

const DOWN: Readonly<Record<string, string>> = {
  postgres: "PostgresMemberDown",
  redis: "RedisMemberDown",
  etcd: "EtcdMemberDown",
  haproxy: "HaproxyDown",
  pgbouncer: "PgBouncerDown",
  api: "ApiInstanceDown",
  gateway: "GatewayDown",
};

/** What `npm run status` finds wrong, each with its runbook. */
export function statusFindings({ members, problems }: Status): Finding[] {
  if (problems.length === 0)
    return [
      {
        area: "members",
        subject: "stack",
        figure: `all ${members.length} members are there and healthy`,
        bound: "",
        bad: false,
        runbook: "",
      },
    ];
  return problems.map((problem) => {
    const [subject = ""] = problem.split(" ");
    const part = subject.replace(/-\d+$/, "");
    const runbook = problem.startsWith("PostgreSQL has 0 leaders")
      ? "PatroniNoLeader"
      : problem.includes("leaders instead")
        ? "PatroniTwoLeaders"
        : problem.includes("quorum standbys")
          ? "PatroniSynchronousStandbyMissing"
          : (DOWN[part] ?? "TargetDown");
    return { area: "members", subject, figure: problem, bound: "", bad: true, runbook };
  });
}

/** The table, what is bad first, and the likely cause below it. */
export function formatDiagnosis({ findings, cause }: Diagnosis): string {
  const ordered = [...findings].sort((one, other) => Number(other.bad) - Number(one.bad));
  const rows = ordered.map(({ area, subject, figure, bound, bad }) => [
    bad ? "BAD" : "ok",
    area,
    subject,
    figure,
    bound && `(${bound})`,
  ]);
  const table = formatTable(["", "area", "of", "figure", "should be"], rows);
  if (!cause) return `${table}\n\nNothing is bad. If users complain all the same: npm run ops -- report.`;
  return [
    table,
    "",
    `Likely cause: ${cause.sentence}`,
    `  ${cause.finding.subject}: ${cause.finding.figure}`,
    ...(cause.command ? [`Do first: ${cause.command}`] : []),
    `Runbook: ${cause.runbook}`,
    ...(cause.also.length > 0 ? [`Bad as well, and probably a consequence: ${cause.also.join(", ")}`] : []),
  ].join("\n");
}
