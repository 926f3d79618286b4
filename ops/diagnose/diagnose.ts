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

/** Time over which rates are taken, milliseconds: some periods of the processor limit, which are 100 ms long. */
const WINDOW = 3_000;
/** Rows of figures that are well, of one kind. */
const SHOWN = 3;

/** Looks at every part once, and at counters twice; what it costs itself stays out of the machine's figures. */
export async function diagnose(stack: RunningStack): Promise<Diagnosis> {
  const connection = await stack.connection();
  const running = stack.members.filter((member) => member.running);
  const kernels = async () =>
    new Map(
      await Promise.all(
        running.map(async (member) => [member.name, await readKernel(stack.platform, member)] as const),
      ),
    );
  const machine = () => (running[0] ? readKernel(stack.platform, running[0]) : undefined);
  const before = { members: await kernels(), cache: await readRedis(connection), machine: await machine() };
  const started = performance.now();
  await new Promise((resolve) => setTimeout(resolve, WINDOW));
  const after = { machine: await machine(), cache: await readRedis(connection), members: await kernels() };
  const seconds = (performance.now() - started) / 1_000;
  const [status, ...found] = await Promise.all([
    readStatus(stack.platform, expectedMembers(stack.settings)),
    postgresFindings(stack, connection),
    poolerFindings(stack),
    apiFindings(stack),
  ]);
  const findings = [
    ...statusFindings(status),
    ...(before.machine && after.machine ? machineFindings(before.machine, after.machine) : []),
    ...[...before.members].flatMap(([name, first]) => {
      const second = after.members.get(name);
      return first && second ? memberFindings(name, first, second) : [];
    }),
    ...found.flat(),
    ...[...after.cache].flatMap(([name, node]) =>
      redisFindings(name, before.cache.get(name) ?? null, node, seconds),
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

/** Of many figures of a kind that are well, those nearest to their bounds. */
function worthSeeing(findings: readonly Finding[]): Finding[] {
  return findings.filter((finding) => {
    const { bad, near, runbook } = finding;
    if (bad || near === undefined) return true;
    const nearer = findings.filter(
      (other) => other.runbook === runbook && !other.bad && (other.near ?? 0) > near,
    );
    return nearer.length < SHOWN;
  });
}

/** The table, what is bad first, and the likely cause below it. */
export function formatDiagnosis({ findings, cause }: Diagnosis): string {
  const seen = worthSeeing(findings);
  const ordered = [...seen].sort((one, other) => Number(other.bad) - Number(one.bad));
  const rows = ordered.map(({ area, subject, figure, bound, bad }) => [
    bad ? "BAD" : "ok",
    area,
    subject,
    bound || "-",
    figure,
  ]);
  const hidden = findings.length - seen.length;
  const table = [
    formatTable(["", "area", "of", "should be", "is"], rows),
    ...(hidden > 0 ? [`${hidden} more are further from their bounds; --json has them.`] : []),
    "",
  ];
  if (!cause)
    return [...table, "Nothing is bad. If users complain all the same: npm run ops -- report."].join("\n");
  return [
    ...table,
    `Likely cause: ${cause.sentence}`,
    `  ${cause.finding.subject}: ${cause.finding.figure}`,
    ...(cause.command ? [`Do first: ${cause.command}`] : []),
    `Runbook: ${cause.runbook}`,
    ...(cause.also.length > 0 ? [`Bad as well, and probably a consequence: ${cause.also.join(", ")}`] : []),
  ].join("\n");
}
