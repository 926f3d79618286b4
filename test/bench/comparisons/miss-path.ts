import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Comparison } from "../comparison.ts";
import { pgbench } from "../load/pgbench.ts";
import { worker } from "../load/worker.ts";
import { HttpServer } from "../servers.ts";

const ACCOUNTS = 1_000;
/** Of each kind: what the service's pool of readers has. */
const CONNECTIONS = 10;
/** More than a batch for each connection. */
const IN_FLIGHT = 400;
/** Expired as soon as it is stored: every request goes all the way, fills included. */
const ALWAYS_MISS = { CACHE_TTL_BALANCE_MS: "1" };

export const missPath: Comparison = {
  name: "p4",
  title: "Reads past the caches",
  load: `"pool" and "pipelined": one process, ${CONNECTIONS} connections through PgBouncer, ${IN_FLIGHT} reads by primary key in flight, ${ACCOUNTS} accounts in turn. "pgbench": the same read on 16 accounts, prepared, ${CONNECTIONS} connections. "api": wrk, 64 connections, the API with ${CONNECTIONS} connections, entries that have always expired: two scripts and one read in Redis and one statement a request. No writes.`,
  goals: [
    {
      ...{ what: "queries of a process through the pipelined lane / by pool.query", figure: "perSecond" },
      ...{ of: "pipelined", against: "pool", bound: { atLeast: 2 } },
    },
    {
      ...{ what: "API on the miss path / pgbench", figure: "perSecond" },
      ...{ of: "api", against: "pgbench", bound: { atLeast: 0.45 } },
    },
  ],
  async prepare(stack) {
    const addresses = await stack.accounts(ACCOUNTS);
    const file = join(stack.folder, "addresses");
    writeFileSync(file, addresses.join("\n"));
    // All in flight wait in one line, longer than a request would.
    const pool = { ...stack.environment, DB_RO_POOL_SIZE: String(CONNECTIONS), DB_MAX_WAIT_MS: "10000" };
    const lane = (name: string) =>
      worker(name, "lane-reads.ts", {
        ...{ ...pool, LANE: name, ADDRESSES: file, IN_FLIGHT: String(IN_FLIGHT) },
      });
    const paths = addresses.map((address) => `/balance/${address}`);
    const api = await HttpServer.api(stack, { ...ALWAYS_MISS, DB_RO_POOL_SIZE: String(CONNECTIONS) });
    return {
      variants: [
        ...[lane("pool"), lane("pipelined")],
        pgbench("pgbench", { stack, service: "pooled-reader", clients: CONNECTIONS }),
        api.variantFrom("replica", "api", stack, paths),
      ],
      stop: () => api.process.stop(),
    };
  },
};
