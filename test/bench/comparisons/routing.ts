import { mustRun } from "../../../tools/process.ts";
import type { Comparison } from "../comparison.ts";
import { pgbench } from "../load/pgbench.ts";
import type { BenchStack } from "../stack.ts";

/** At which one core of the generator is busy. */
const CLIENTS = 16;

export const routing: Comparison = {
  name: "p5",
  title: "HAProxy, PgBouncer and TLS, against a direct connection",
  load: `pgbench, prepared reads by primary key on 16 accounts, ${CLIENTS} clients and one; TLS on every link, on the direct one too. No writes. Without TLS the stack has no way in, so that goal is not measured.`,
  goals: [
    {
      ...{ what: `throughput of ${CLIENTS} clients through the stack / directly`, figure: "perSecond" },
      ...{ of: "stack", against: "direct", bound: { atLeast: 0.6 } },
    },
    {
      ...{ what: "p50 of one client through the stack - directly, ms", figure: "p50", by: "difference" },
      ...{ of: "stack-one", against: "direct-one", bound: { atMost: 0.3 } },
    },
  ],
  async prepare(stack) {
    const leader = await leaderOf(stack);
    return {
      variants: [
        pgbench("direct", { stack, service: leader, clients: CLIENTS }),
        pgbench("stack", { stack, service: "pooled-writer", clients: CLIENTS }),
        pgbench("direct-one", { stack, service: leader, clients: 1 }),
        pgbench("stack-one", { stack, service: "pooled-writer", clients: 1 }),
      ],
      stop: async () => undefined,
    };
  },
};

/** The member that the writer leads to. */
async function leaderOf({ connection }: BenchStack): Promise<string> {
  for (const { host } of connection.postgres) {
    const status = await mustRun("docker", ["exec", `dujyo-bench-${host}`, "/usr/local/bin/member-status"]);
    if ((JSON.parse(status) as { role: string }).role === "leader") return host;
  }
  throw new Error("no member leads");
}
