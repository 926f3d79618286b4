import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { flushPrefix } from "../../ops/cache/flush.ts";
import { redisClient } from "../../ops/cache/redis-client.ts";
import type { Connection } from "../../ops/connection.ts";
import { sessionOptions, withSession } from "../../ops/postgres/session.ts";
import { serviceEnvironment } from "../../ops/service-environment.ts";
import { KEY_PREFIX } from "../../service/src/cache/keys.ts";
import { LOCAL } from "../../tools/layout.ts";
import { down, stackConnection, up } from "../support/stack-commands.ts";
import { writeSettings } from "../support/stack-settings.ts";
import { Inside } from "./inside.ts";

export const STACK = "bench";

/** Limits of processor time would be what is measured: the machine's cores are the only one. */
const cpus = availableParallelism();

/** One of each part but for a replica: what is compared shares two cores with it. Ports and network of its own. */
const SETTINGS = {
  portOffset: 25_000,
  docker: { subnet: "172.30.45.0/24" },
  etcd: { members: 1 },
  postgres: { replicas: 1, recovery: "fast", memory: "1 GB", cpus },
  haproxy: { cpus },
  // For p15's clients, with some kilobytes of TLS each.
  pgbouncer: { cpus, maxClients: 10_500, memory: "1 GB" },
  // The working set of p9 fits: histories and balances of 40,000 accounts.
  redis: { replicasPerShard: 0, cpus, memory: "512 MB" },
  // All requests come from one address; they are counted all the same.
  api: { instances: 1, cpus, adminAuth: false, addressRate: 1_000_000 },
  ledger: { data: "dev" },
  monitoring: { enabled: false },
};

/** The running stack that comparisons measure against. */
export interface BenchStack {
  readonly connection: Connection;
  /** Of the running containers, whose addresses change with them. */
  readonly inside: Inside;
  /** For the service, run on this machine. */
  readonly environment: Readonly<Record<string, string>>;
  /** Files of `npm run connect`: `pg_service.conf` and what it names. */
  readonly connectFolder: string;
  /** For files of this run; removed at its end. */
  readonly folder: string;
  /** Removes what earlier comparisons have left in Redis: entries that live longer than those that are measured. */
  emptyCache(): Promise<void>;
  /** Accounts that have at least `transactions` of them, the same ones each time. */
  accounts(count: number, transactions?: number): Promise<string[]>;
}

/** Brings the stack up, or takes the one that is, and removes it at the end unless it is to be kept. */
export async function withStack<T>(keep: boolean, body: (stack: BenchStack) => Promise<T>): Promise<T> {
  writeSettings(SETTINGS, STACK);
  const folder = mkdtempSync(join(tmpdir(), "dujyo-bench-"));
  try {
    await up(STACK);
    const connection = await stackConnection(STACK);
    const inside = await Inside.of(STACK);
    const environment = { ...serviceEnvironment(STACK, connection), ...inside.environment(connection) };
    const connectFolder = join(LOCAL, "connect", STACK);
    return await body({
      ...{ connection, inside, environment, connectFolder, folder },
      emptyCache: () => emptyCache(connection),
      accounts: (count, transactions = 0) => readAccounts(connection, count, transactions),
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
    if (!keep) await down(STACK, "--volumes");
  }
}

async function emptyCache(connection: Connection): Promise<void> {
  const client = redisClient(connection, "operator");
  try {
    await flushPrefix(client, KEY_PREFIX, true);
  } finally {
    client.disconnect();
  }
}

async function readAccounts(connection: Connection, count: number, transactions: number): Promise<string[]> {
  // By a hash: in no order that anything else has.
  const text =
    transactions === 0
      ? "SELECT address FROM balances ORDER BY md5(address) LIMIT $1"
      : `SELECT address FROM postings GROUP BY address HAVING count(*) >= ${Math.floor(transactions)} ORDER BY md5(address) LIMIT $1`;
  const { rows } = await withSession(sessionOptions(connection, connection.writer, "owner"), (client) =>
    client.query<{ address: string }>(text, [count]),
  );
  if (rows.length < count) throw new Error(`the ledger has ${rows.length} such accounts of ${count}`);
  return rows.map(({ address }) => address);
}
