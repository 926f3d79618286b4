import { run } from "../../../tools/process.ts";
import { containerName } from "../../docker-inventory.ts";
import type { Answer, Check } from "../check.ts";
import type { Scene } from "../scene.ts";

/** What is done, and the kind of record that it has to leave. Everything is taken back. */
const DEEDS = [
  { kind: "DDL", what: "a table that is made", sql: "CREATE TABLE public.audit_trail_probe ();" },
  {
    kind: "ROLE",
    what: "a role that is changed",
    sql: "ALTER ROLE dujyo_readonly SET statement_timeout = '10s';",
  },
  { kind: "READ", what: "a read of personal fields", sql: "SELECT count(email_index) FROM public.users;" },
] as const;

/** Offences of a log: deeds without a record of the session that did them. */
export function judgeTrail(log: string, mark: string): Answer {
  const lines = log.split("\n").filter((line) => line.includes(mark) && line.includes("AUDIT: "));
  const offences = DEEDS.filter(
    ({ kind }) => !lines.some((line) => new RegExp(`AUDIT: (SESSION|OBJECT),\\d+,\\d+,${kind},`).test(line)),
  ).map(({ what }) => `${what} leaves no record`);
  return {
    asked: DEEDS.length,
    offences,
    evidence: `${lines.length} records of ${DEEDS.length} deeds, all of them taken back`,
  };
}

async function trail(scene: Scene): Promise<Answer> {
  const mark = `audit-${process.pid}-${Date.now()}`;
  await scene.sql(
    `SET application_name = '${mark}'; BEGIN; ${DEEDS.map(({ sql }) => sql).join(" ")} ROLLBACK;`,
  );
  const logs = await Promise.all(
    scene.members
      .filter(({ part }) => part === "postgres")
      .map(({ name }) => run("docker", ["logs", "--since", "1m", containerName(scene.stack, name)])),
  );
  return judgeTrail(logs.map(({ stdout, stderr }) => stdout + stderr).join("\n"), mark);
}

/** Containers whose log is kept without bound, or not at all. */
export function judgeRetention(containers: Scene["containers"]): Answer {
  const offences = containers.flatMap(({ Name, HostConfig }) => {
    const log = HostConfig.LogConfig as { Type: string; Config: Record<string, string> } | undefined;
    const kept =
      log?.Type === "json-file" &&
      log.Config["max-size"] !== undefined &&
      Number(log.Config["max-file"]) >= 2;
    return kept
      ? []
      : [
          `the log of ${Name.slice(1)} is ${log?.Type ?? "not kept"}, without a bound on size and number of files`,
        ];
  });
  return {
    asked: containers.length,
    offences,
    evidence: `logs of ${containers.length} containers, rotated by size`,
  };
}

export const AUDIT_TRAIL: readonly Check[] = [
  {
    id: "trail/postgres",
    title: "Definitions, changes of roles and reads of personal fields leave a record",
    ask: trail,
  },
  {
    id: "trail/retention",
    title: "Logs are kept, and rotated",
    ask: async ({ containers }) => judgeRetention(containers),
  },
];
