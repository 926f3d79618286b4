import { chainKey, poolKey } from "../cache/keys.ts";
import type { CacheSettings } from "../config.ts";
import { type NodeReader, REPLAYED, type ReplayedRow } from "../database/node-reader.ts";
import { json, seconds, sourceOf, type ViewSource } from "./view.ts";

const BEYOND_TIP = "9223372036854775807";
/** Transactions that a block shows in a list of blocks. */
const SHOWN_TRANSACTIONS = 100;

const BLOCKS = {
  name: "blocks",
  text: `SELECT c.sealed_height, ${REPLAYED}, b.height, encode(b.hash, 'hex') AS hash, encode(b.prev_hash, 'hex') AS prev_hash,
      b.timestamp, b.tx_count, b.validator, t.transactions
    FROM chain_state c
    LEFT JOIN LATERAL (SELECT * FROM blocks WHERE height < $1::bigint ORDER BY height DESC LIMIT $2) b ON true
    LEFT JOIN LATERAL (
      SELECT json_agg(json_build_object('hash', encode(x.tx_hash, 'hex'), 'from', x.from_address, 'to', x.to_address,
        'amount', x.amount, 'nft_id', x.nft_id) ORDER BY x.tx_id) AS transactions
      FROM (
        SELECT * FROM transactions WHERE block_height = b.height ORDER BY tx_id LIMIT ${SHOWN_TRANSACTIONS}
      ) x
    ) t ON true`,
};

const STATS = {
  name: "stats",
  text: `SELECT c.sealed_height, ${REPLAYED}, n.sealed_transactions + n.pending_transactions AS total_transactions,
      n.pending_transactions, n.total_addresses,
      (SELECT sum(amount) FROM genesis)::bigint AS supply
    FROM chain_state c CROSS JOIN ledger_counts() n`,
};

const HOLDERS = {
  name: "holders",
  text: `SELECT c.sealed_height, ${REPLAYED}, h.address, h.total_balance, h.rank, h.percentage::float8 AS percentage,
      (SELECT finished_at FROM maintenance_runs WHERE task = 'top_holders') AS as_of
    FROM chain_state c LEFT JOIN LATERAL (SELECT * FROM top_holders ORDER BY rank, address LIMIT $1) h ON true`,
};

const POOL = {
  name: "dex-pool",
  text: `SELECT ${REPLAYED}, p.pool_id, p.token_a, p.token_b, p.reserve_a, p.reserve_b, p.total_supply, p.version
    FROM (SELECT) one LEFT JOIN dex_pools p ON p.pool_id = $1`,
};

interface TipRow extends ReplayedRow {
  readonly sealed_height: number;
}

interface BlockRow extends TipRow {
  readonly height: number | null;
  readonly hash: string;
  readonly prev_hash: string;
  readonly timestamp: Date;
  readonly tx_count: number;
  readonly validator: string;
  readonly transactions: readonly unknown[] | null;
}

interface StatsRow extends TipRow {
  readonly total_transactions: number;
  readonly pending_transactions: number;
  readonly total_addresses: number;
  readonly supply: number;
}

interface HolderRow extends TipRow {
  readonly address: string | null;
  readonly total_balance: number;
  readonly rank: number;
  readonly percentage: number;
  readonly as_of: Date | null;
}

interface PoolRow extends ReplayedRow {
  readonly pool_id: string | null;
  readonly token_a: string;
  readonly token_b: string;
  readonly reserve_a: number;
  readonly reserve_b: number;
  readonly total_supply: number;
  readonly version: number;
}

/** Answers about the chain as a whole, and about pools. */
export class Chain {
  readonly #reader: NodeReader;
  readonly #ttlMs: CacheSettings["ttlMs"];

  constructor(reader: NodeReader, ttlMs: CacheSettings["ttlMs"]) {
    this.#reader = reader;
    this.#ttlMs = ttlMs;
  }

  /** Sealed blocks never change: the first page is wrong as soon as one is added, the others never. */
  blocks(before: string | undefined, limit: number): ViewSource {
    return sourceOf<BlockRow>(
      {
        key: chainKey("blocks", `:${before ?? "tip"}:${limit}`),
        ttlMs: this.#ttlMs.history,
        statement: BLOCKS,
        values: [before ?? BEYOND_TIP, limit],
        content: (rows) => {
          const tip = rows[0]?.sealed_height ?? 0;
          const found = rows.filter((row) => row.height !== null);
          const last = found.at(-1)?.height ?? 0;
          const chain = found.map((row) => ({
            height: row.height,
            timestamp: seconds(row.timestamp.getTime()),
            transactions: row.transactions ?? [],
            tx_count: row.tx_count,
            previous_hash: row.prev_hash,
            hash: row.hash,
            validator: row.validator,
          }));
          const body = json({ chain, length: tip + 1, next_cursor: last > 0 ? String(last) : null });
          return {
            kind: "value",
            version: tip,
            second: 0,
            wrongAtTip: before === undefined ? tip + 1 : 0,
            body,
          };
        },
      },
      this.#reader,
    );
  }

  stats(): ViewSource {
    return sourceOf<StatsRow>(
      {
        key: chainKey("stats"),
        ttlMs: this.#ttlMs.stats,
        statement: STATS,
        values: [],
        content: ([row], readAt) => ({
          kind: "value",
          version: row?.sealed_height ?? 0,
          second: 0,
          wrongAtTip: 0,
          body: json({
            total_blocks: (row?.sealed_height ?? 0) + 1,
            total_transactions: row?.total_transactions ?? 0,
            pending_transactions: row?.pending_transactions ?? 0,
            total_addresses: row?.total_addresses ?? 0,
            total_supply: row?.supply ?? 0,
            last_updated: seconds(readAt),
          }),
        }),
      },
      this.#reader,
    );
  }

  holders(limit: number): ViewSource {
    return sourceOf<HolderRow>(
      {
        key: chainKey("holders", `:${limit}`),
        ttlMs: this.#ttlMs.stats,
        statement: HOLDERS,
        values: [limit],
        content: (rows) => {
          const holders = rows
            .filter((row) => row.address !== null)
            .map(({ address, total_balance, rank, percentage }) => ({
              address,
              total_balance,
              rank,
              percentage,
            }));
          const body = json({ holders, as_of: rows[0]?.as_of?.toISOString() ?? null });
          return { kind: "value", version: rows[0]?.sealed_height ?? 0, second: 0, wrongAtTip: 0, body };
        },
      },
      this.#reader,
    );
  }

  pool(id: string): ViewSource {
    return sourceOf<PoolRow>(
      {
        key: poolKey(id),
        ttlMs: this.#ttlMs.dexPool,
        statement: POOL,
        values: [id],
        content: ([row], readAt) => {
          if (!row || row.pool_id === null) {
            return { kind: "absent", version: 0, second: 0, wrongAtTip: 0, body: json(null) };
          }
          const { pool_id, token_a, token_b, reserve_a, reserve_b, total_supply, version } = row;
          const timestamp = seconds(readAt);
          const body = json({ pool_id, token_a, token_b, reserve_a, reserve_b, total_supply, timestamp });
          return { kind: "value", version, second: 0, wrongAtTip: 0, body };
        },
      },
      this.#reader,
    );
  }
}
