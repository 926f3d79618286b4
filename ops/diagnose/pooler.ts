import type { RunningStack } from "../running-stack.ts";
import { type Finding, percent } from "./finding.ts";

/** Looks at the pools of every pooler. */
export async function poolerFindings({ members, platform }: RunningStack): Promise<Finding[]> {
  const poolers = members.filter(({ part, running }) => part === "pgbouncer" && running);
  const found = await Promise.all(
    poolers.map(async (member) => {
      const ask = (what: string) => platform.exec(member, ["pgbouncer-ask", what], 10_000);
      const [pools, databases] = await Promise.all([ask("SHOW POOLS"), ask("SHOW DATABASES")]);
      return poolFindings(member.name, pools.stdout, databases.stdout);
    }),
  );
  return found.flat();
}

/** Places in the rows of PgBouncer 1.24, which the tables' own titles name. */
const POOL = { database: 0, user: 1, clients: 2, waiting: 3, active: 6, idle: 9, longest: 13 };
const DATABASE = { name: 0, size: 5, paused: 15, disabled: 16 };

/** Judges the pools of one pooler by its own tables, columns parted by bars. */
export function poolFindings(member: string, pools: string, databases: string): Finding[] {
  const known = new Map(rows(databases).map((row) => [row[DATABASE.name], row]));
  const held = [...known.values()].filter(
    (row) => row[DATABASE.paused] === "1" || row[DATABASE.disabled] === "1",
  );
  const number = (row: readonly string[], column: number) => Number(row[column] ?? 0);
  return [
    ...held.map((row) => ({
      area: "pool",
      subject: `${member} ${row[DATABASE.name]}`,
      figure: "held: its clients wait until it is resumed",
      bound: "goes on",
      bad: true,
      runbook: "PgBouncerPaused",
    })),
    ...rows(pools)
      .filter((row) => row[POOL.database] !== "pgbouncer" && row[POOL.user] !== "pgbouncer")
      .map((row) => {
        const size = number(known.get(row[POOL.database] ?? "") ?? [], DATABASE.size);
        const active = number(row, POOL.active);
        const waiting = number(row, POOL.waiting);
        const longest = number(row, POOL.longest);
        const full = size > 0 && active / size > 0.9;
        return {
          area: "pool",
          subject: `${member} ${row[POOL.database]}/${row[POOL.user]}`,
          figure: `${waiting} clients wait, the longest ${longest} s; ${active} of ${size} sessions at work (${percent(size > 0 ? active / size : 0)})`,
          bound: "<= 5, 1 s, 90 %",
          bad: waiting > 5 || longest > 1 || full,
          runbook: waiting > 5 || longest > 1 ? "PgBouncerClientsWaiting" : "PgBouncerPoolBusy",
        };
      }),
  ];
}

function rows(text: string): string[][] {
  return text
    .split("\n")
    .filter((line) => line.includes("|"))
    .map((line) => line.split("|"));
}
