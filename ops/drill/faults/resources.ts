import { Client } from "pg";
import type { Settings } from "../../../infra/settings/schema.ts";
import { sessionOptions } from "../../postgres/session.ts";
import { type Fault, nothingToHeal } from "../fault.ts";
import { READS } from "./postgres.ts";

/** Sessions beyond what any member takes: the rest waits or is refused. */
const SPARE_SESSIONS = 20;

/** A sort that is told to use more memory than the member has. */
const GREEDY =
  "SET work_mem = '8GB'; SELECT count(*) FROM (SELECT i, repeat('x', 200) FROM generate_series(1, 40000000) AS i ORDER BY random()) AS rows";

/** An obstacle whose reason depends on where the stack runs. */
function unless(reasons: Readonly<Record<Settings["target"], string>>): Fault["obstacle"] {
  return async ({ stack }) => reasons[stack.settings.target];
}

/** Memory, sessions and disks that run out. */
export const RESOURCE_FAULTS: readonly Fault[] = [
  {
    name: "connections-exhausted",
    title: "every session of the writer endpoint taken",
    hits: "postgres",
    hold: 10,
    goal: READS,
    inject: async ({ stack }) => {
      const connection = await stack.connection();
      const options = sessionOptions(connection, connection.writer, "app", {
        connectionTimeoutMillis: 20_000,
      });
      const count = stack.settings.postgres.maxConnections + SPARE_SESSIONS;
      const clients = Array.from({ length: count }, () => {
        const client = new Client(options);
        client.on("error", () => undefined);
        client.connect().catch(() => undefined);
        return client;
      });
      return async () => {
        for (const client of clients) void client.end().catch(() => undefined);
      };
    },
  },
  {
    name: "backend-out-of-memory",
    title: "a session of the primary takes more memory than the member has",
    hits: "postgres",
    hold: 5,
    goal: READS,
    inject: async ({ stack, primary }) => {
      // Ends when the kernel kills it; the member's limit makes that a matter of seconds.
      void stack.platform.exec(
        primary,
        [
          "psql",
          "--no-psqlrc",
          "--quiet",
          "--host=/run/postgresql",
          "--username=postgres",
          `--command=${GREEDY}`,
        ],
        60_000,
      );
      return nothingToHeal;
    },
  },
  {
    name: "wal-disk-full",
    title: "disk of the log full",
    hits: "postgres",
    hold: 10,
    obstacle: unless({
      docker:
        "members' volumes share this machine's disk: filling it would stop other programs, too, and the engine's local volumes have no limit of their own",
      kubernetes:
        "a volume may share its disk with others, as those of a node do: filling it would stop them, too",
    }),
    inject: async () => nothingToHeal,
  },
  {
    name: "postmaster-out-of-memory",
    title: "the kernel takes the postmaster when memory runs out",
    hits: "postgres",
    hold: 5,
    obstacle: async () =>
      "the kernel chooses the largest process, and a member has no right to raise its own score (to PostgreSQL it is the same as postgres-killed)",
    inject: async () => nothingToHeal,
  },
  {
    name: "slow-disk",
    title: "slow disk under the primary",
    hits: "postgres",
    hold: 20,
    obstacle: unless({
      docker: "control groups of version 1 do not throttle buffered writes, which PostgreSQL's are",
      kubernetes:
        "a pod's control groups are its node's, where nobody who may use the namespace alone has a right",
    }),
    inject: async () => nothingToHeal,
  },
  {
    name: "clock-skew",
    title: "clock of the primary off by two hours",
    hits: "postgres",
    hold: 20,
    obstacle: async () => "containers share the machine's clock",
    inject: async () => nothingToHeal,
  },
];
