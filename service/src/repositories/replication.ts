import type { BoundedPool } from "../database/pools.ts";

export interface ReplicaState {
  readonly name: string;
  readonly is_healthy: boolean;
  /** As the primary sees it; null if the service's role may not know. */
  readonly state: string | null;
  readonly lag_bytes: number | null;
}

interface Row {
  readonly name: string | null;
  readonly state: string | null;
  readonly lag_bytes: number | null;
}

const REPLICAS = {
  name: "replicas",
  text: `SELECT application_name AS name, state,
      pg_wal_lsn_diff(pg_current_wal_flush_lsn(), replay_lsn)::float8 AS lag_bytes
    FROM pg_stat_replication ORDER BY application_name`,
};

/** The primary and what streams from it. */
export class Replication {
  readonly #writer: BoundedPool;

  constructor(writer: BoundedPool) {
    this.#writer = writer;
  }

  async read(): Promise<{ primaryHealthy: boolean; replicas: ReplicaState[] }> {
    try {
      const { rows } = await this.#writer.pool.query<Row>({
        ...REPLICAS,
        query_timeout: 1000,
      } as typeof REPLICAS);
      const replicas = rows.map(({ name, state, lag_bytes }, at) => ({
        name: name || `replica_${at + 1}`,
        // A connection is there; without the right to see its state, that is what is known.
        is_healthy: state === null || state === "streaming",
        state,
        lag_bytes,
      }));
      return { primaryHealthy: true, replicas };
    } catch {
      return { primaryHealthy: false, replicas: [] };
    }
  }
}
