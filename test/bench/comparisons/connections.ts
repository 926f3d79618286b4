import { Client } from "pg";
import { sessionOptions, withSession } from "../../../ops/postgres/session.ts";
import type { Comparison, Variant } from "../comparison.ts";
import { pgbench } from "../load/pgbench.ts";
import type { BenchStack } from "../stack.ts";

/** Open at the same time, none of them with anything to do. */
const IDLE = 10_000;
/** Handshakes under way at once: each costs both sides some milliseconds. */
const AT_ONCE = 50;
const CLIENTS = 32;

const OPEN = `queries beside ${IDLE} idle clients`;

export const connections: Comparison = {
  name: "p15",
  title: "The database through the pooler, with many open connections",
  load: `pgbench, prepared reads by primary key on 16 accounts, ${CLIENTS} clients through pooler and router with TLS, while ${IDLE} more clients are connected to the pooler and idle. No writes; those are p15-writes'.`,
  onRequest: "two minutes",
  goals: [
    { what: "queries a second", figure: "perSecond", of: OPEN, bound: { atLeast: 5_000 } },
    { what: "open client connections", figure: "connections", of: OPEN, bound: { atLeast: IDLE } },
  ],
  async prepare(stack) {
    const clients = await openClients(stack);
    const { measure } = pgbench(OPEN, { stack, service: "pooled-reader", clients: CLIENTS });
    const queries: Variant = {
      name: OPEN,
      measure: async (seconds) => {
        const sample = await measure(seconds);
        return { ...sample, connections: await usedClients(stack) };
      },
    };
    return {
      variants: [queries],
      stop: async () => {
        await Promise.all(clients.map((client) => client.end()));
      },
    };
  },
};

/** @throws Error where one of them is refused or lost */
async function openClients({ connection, inside }: BenchStack): Promise<Client[]> {
  // Docker's proxy of the published port has files for a third of them.
  const { address, port } = inside.database("pooled-reader");
  const options = sessionOptions(connection, connection.pooler, "readonly", {
    ...{ host: address, port },
    database: `${connection.database}_ro`,
    // The pooler takes them one after another.
    connectionTimeoutMillis: 60_000,
  });
  const clients = Array.from({ length: IDLE }, () => new Client(options));
  const waiting = clients.values();
  const connect = async (): Promise<void> => {
    for (const client of waiting) await client.connect();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, connect));
  return clients;
}

/** Client sessions that the pooler itself counts. */
async function usedClients({ connection }: BenchStack): Promise<number> {
  const options = sessionOptions(connection, connection.pooler, "monitoring", { database: "pgbouncer" });
  return await withSession(options, async (client) => {
    const { rows } = await client.query<{ list: string; items: string }>("SHOW LISTS");
    return Number(rows.find(({ list }) => list === "used_clients")?.items);
  });
}
