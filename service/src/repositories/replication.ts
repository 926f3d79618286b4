import type { BoundedPool } from "../database/pools.ts";

export interface ReplicaState {
  /** As it calls itself; `replica_N` for one that the primary does not see. */
  readonly name: string;
  readonly is_healthy: boolean;
  /** As the primary sees it; null if it does not. */
  readonly state: string | null;
  readonly lag_bytes: number | null;
}

interface Row {
  readonly name: string;
  readonly state: string;
  readonly lag_bytes: number | null;
}

/** PostgreSQL's own tools stream too, while they copy a member: they call themselves pg_something. */
const REPLICAS = {
  name: "replicas",
  text: `SELECT application_name AS name, state,
      pg_wal_lsn_diff(pg_current_wal_flush_lsn(), replay_lsn)::float8 AS lag_bytes
    FROM pg_stat_replication WHERE application_name NOT LIKE 'pg\\_%' ORDER BY application_name`,
};

/** The primary and what streams from it. */
export class Replication {
  readonly #writer: Pick<BoundedPool, "pool">;
  readonly #expected: number;

  /** @param expected replicas that there should be: the primary alone does not know of one that is gone. */
  constructor(writer: Pick<BoundedPool, "pool">, expected: number) {
    this.#writer = writer;
    this.#expected = expected;
  }

  async read(): Promise<{ primaryHealthy: boolean; replicas: ReplicaState[] }> {
    try {
      const { rows } = await this.#writer.pool.query<Row>({
        ...REPLICAS,
        query_timeout: 1000,
      } as typeof REPLICAS);
      return { primaryHealthy: true, replicas: this.#withMissing(rows) };
    } catch {
      return { primaryHealthy: false, replicas: this.#withMissing([]) };
    }
  }

  #withMissing(rows: readonly Row[]): ReplicaState[] {
    const seen = rows.map(({ name, state, lag_bytes }) => ({
      name,
      is_healthy: state === "streaming",
      state,
      lag_bytes,
    }));
    const missing = Array.from({ length: Math.max(this.#expected - seen.length, 0) }, (_, at) => ({
      name: `replica_${seen.length + at + 1}`,
      is_healthy: false,
      state: null,
      lag_bytes: null,
    }));
    return [...seen, ...missing];
  }
}
