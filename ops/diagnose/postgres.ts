import type { Client } from "pg";
import { formatValue } from "../../dashboards/units.ts";
import { bytes, milliseconds } from "../../infra/lib/units.ts";
import type { Connection } from "../connection.ts";
import { sessionOptions, withSession } from "../postgres/session.ts";
import type { RunningStack } from "../running-stack.ts";
import { type Finding, shortStatement } from "./finding.ts";
import { CONNECTIONS, type Connections, SESSIONS, type Session, sessionFindings } from "./sessions.ts";

/** A replica as the leader sees it. */
export interface Replica {
  readonly name: string;
  readonly state: string;
  /** Log that is still to be replayed. */
  readonly bytes: number;
  readonly seconds: number;
}

const REPLICAS = `
SELECT application_name AS name, state,
       greatest(pg_wal_lsn_diff(pg_current_wal_lsn(), coalesce(replay_lsn, '0/0')), 0)::float8 AS bytes,
       coalesce(extract(epoch FROM replay_lag), 0)::float8 AS seconds
FROM pg_stat_replication WHERE NOT pg_is_in_recovery() ORDER BY 1`;

/** The statement that costs the most since the counters began; its share of all. */
const DEAREST = `
SELECT query AS text, calls::float8 AS calls, mean_exec_time AS mean,
       total_exec_time / nullif(sum(total_exec_time) OVER (), 0) AS share
FROM pg_stat_statements WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
ORDER BY total_exec_time DESC LIMIT 1`;

/** Looks at the sessions, statements and replicas of every member. */
export async function postgresFindings(stack: RunningStack, connection: Connection): Promise<Finding[]> {
  const slow = milliseconds(stack.settings.postgres.slowQuery) / 1_000;
  const maxLag = bytes(stack.settings.postgres.maxReplicaLag);
  const found = await Promise.all(
    connection.postgres.map(async (address): Promise<Finding[]> => {
      try {
        const options = sessionOptions(connection, address, "monitoring");
        return await withSession(options, (client) => look(client, address.host, slow, maxLag));
      } catch (error) {
        return [refusedSession(address.host, error as Error & { code?: string })];
      }
    }),
  );
  return found.flat();
}

async function look(client: Client, member: string, slow: number, maxLag: number): Promise<Finding[]> {
  const { rows: sessions } = await client.query<Session>(SESSIONS);
  const { rows: connections } = await client.query<Connections>(CONNECTIONS);
  const { rows: replicas } = await client.query<Replica>(REPLICAS);
  const { rows: dearest } = await client.query<{ text: string; calls: number; mean: number; share: number }>(
    DEAREST,
  );
  return [
    ...sessionFindings(member, sessions, connections[0] ?? { used: 0, limit: 1 }, slow),
    ...dearest.map(({ text, calls, mean, share }) => ({
      area: "statements",
      subject: member,
      figure: `${(share * 100).toFixed(0)} % of all time since the counters began: ${calls} x ${mean.toFixed(1)} ms (${shortStatement(text)})`,
      bound: "",
      bad: false,
      runbook: "PostgresSlowStatements",
    })),
    ...replicaFindings(replicas, maxLag),
  ];
}

/** A member that lets nobody in is full, or not there. */
export function refusedSession(member: string, error: Error & { code?: string }): Finding {
  // 53300 is too_many_connections.
  const full = error.code === "53300";
  return {
    area: "sessions",
    subject: member,
    figure: `lets nobody in: ${error.message || error.code}`,
    bound: "",
    bad: true,
    runbook: full ? "PostgresConnectionsHigh" : "PostgresMemberDown",
  };
}

/** Judges the replicas. @param maxLag bytes beyond which a replica takes no reads */
export function replicaFindings(replicas: readonly Replica[], maxLag: number): Finding[] {
  return replicas.map(({ name, state, bytes: lag, seconds }) => {
    const far = lag > maxLag;
    return {
      area: "replication",
      subject: name,
      figure: `${state}, ${formatValue(lag, "bytes")} and ${seconds.toFixed(1)} s behind`,
      bound: `<= ${formatValue(maxLag, "bytes")}, 10 s`,
      bad: far || seconds > 10 || state !== "streaming",
      runbook:
        state !== "streaming"
          ? "PatroniReplicaNotStreaming"
          : far
            ? "ReplicationLagBytes"
            : "ReplicationLagSeconds",
    };
  });
}
