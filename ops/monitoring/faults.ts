import { Client, type ClientConfig } from "pg";
import { mustRun } from "../../tools/process.ts";
import { pulumiEnvironment } from "../../tools/stack/local-state.ts";
import { readConnection } from "../connection-store.ts";
import { containerName } from "../docker-inventory.ts";
import { sessionOptions } from "../postgres/session.ts";
import type { Prometheus, Sample } from "./prometheus.ts";

export interface FaultArgs {
  readonly stack: string;
  readonly prometheus: Prometheus;
}

/** What was broken, and how to mend it. */
export interface Fault {
  readonly what: string;
  mend(): Promise<void>;
}

/** The restart policy stands back from a container that was killed through the engine: it stays down until mended. */
async function kill(stack: string, members: readonly string[]): Promise<Fault> {
  const names = members.map((member) => containerName(stack, member));
  await mustRun("docker", ["kill", ...names]);
  return {
    what: `killed ${members.join(" and ")}`,
    mend: async () => {
      await mustRun("docker", ["start", ...names]);
    },
  };
}

function only(samples: readonly Sample[], what: string): string {
  const name = samples[0]?.labels.instance;
  if (!name) throw new Error(`Prometheus knows no ${what}`);
  return name;
}

/** Kills the member that leads. */
export async function killPrimary({ stack, prometheus }: FaultArgs): Promise<Fault> {
  return kill(stack, [only(await prometheus.query("patroni_primary == 1"), "leader of PostgreSQL")]);
}

/** Stops an exporter whose part is well: its figures end, and nothing else tells of it. */
export async function stopExporter({ stack }: FaultArgs): Promise<Fault> {
  return kill(stack, ["pgbouncer-exporter"]);
}

/** Adds sessions to `clients` until there are no more to be had. @throws Error where one is refused for another reason */
async function openUntilRefused(options: ClientConfig, clients: Client[]): Promise<void> {
  for (let count = 0; count < 1_000; count++) {
    // A session that is not answered in its time was not admitted either.
    const client = new Client(options);
    client.on("error", () => undefined);
    try {
      await client.connect();
    } catch (error) {
      // "too many clients already", "for role", "remaining connection slots are reserved": what was wanted.
      if (/connection slots|too many/i.test(String(error))) return;
      throw error;
    }
    clients.push(client);
  }
}

/** Opens sessions on the primary until it admits no more; no role alone may open so many. */
export async function exhaustConnections({ stack }: FaultArgs): Promise<Fault> {
  const connection = await readConnection(stack, pulumiEnvironment(stack));
  const clients: Client[] = [];
  const mend = async () => {
    await Promise.all(clients.map((client) => client.end().catch(() => undefined)));
  };
  try {
    for (const login of ["app", "owner"] as const)
      await openUntilRefused(sessionOptions(connection, connection.writer, login), clients);
  } catch (error) {
    await mend();
    throw error;
  }
  return { what: `opened ${clients.length} sessions on the primary`, mend };
}

/** Kills a primary of Redis and its replicas: their slots have nobody left. */
export async function stopShard({ stack }: FaultArgs): Promise<Fault> {
  const table = await mustRun("docker", [
    ...["exec", containerName(stack, "redis-0"), "cat", "/var/lib/dujyo/nodes.conf"],
  ]);
  const nodes = table
    .split("\n")
    .map((line) => line.split(" "))
    .filter((words) => words[1]?.includes(":"))
    .map(([id = "", address = "", flags = "", primary = ""]) => {
      const name = /,([^,=]+)(?:,|$)/.exec(address)?.[1] ?? "";
      return { id, name, primary: flags.includes("master") ? id : primary };
    });
  // The shard that holds redis-0 stays: something has to tell of the others.
  const kept = nodes.find(({ name }) => name === "redis-0")?.primary;
  const gone = nodes.find(({ primary }) => primary !== kept)?.primary;
  const members = nodes.filter(({ primary }) => primary === gone).map(({ name }) => name);
  if (members.length === 0) throw new Error("redis-0 knows of no other shard");
  return kill(stack, members);
}
