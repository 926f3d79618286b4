import fastify from "fastify";
import { Pool } from "pg";
import { readConfig } from "../../../service/src/config.ts";
import { sessionOptions } from "../../../service/src/database/pools.ts";
import { chainState } from "../../../service/src/repositories/history.ts";
import { Balance, HistoryPage } from "../../../service/src/schemas/accounts.ts";
import { BASELINE } from "../baseline/schema.ts";

/**
 * What one would run without this project: Fastify and one pool on one primary, which `DB_HOST` and `DB_PORT` lead to; no
 * cache, pages by their number (`?page=`, from 0).
 */
const PAGE_SIZE = 50;

const { host, port, database } = readConfig();
// As many sessions as the service's pool of readers has.
const pool = new Pool({ ...sessionOptions(database.writer, "baseline"), max: database.readerPool.size });
const app = fastify();

app.get<{ Params: { address: string } }>(
  "/balance/:address",
  { schema: { response: { 200: Balance } } },
  async ({ params: { address } }) => {
    const { rows } = await pool.query<{ balance: number }>({
      name: "balance",
      text: `SELECT balance FROM ${BASELINE}.balances WHERE address = $1`,
      values: [address],
    });
    return { address, balance: rows[0]?.balance ?? 0, timestamp: Math.floor(Date.now() / 1000) };
  },
);

interface Row {
  readonly tx_id: string;
  readonly tx_hash: string;
  readonly created_at: Date;
  readonly side: number;
  readonly counterparty: string;
  readonly amount: number;
  readonly block_height: number | null;
  readonly transaction_type: string;
  readonly sealed_height: number;
}

app.get<{ Params: { address: string }; Querystring: { page?: string } }>(
  "/transactions/:address",
  { schema: { response: { 200: HistoryPage } } },
  async ({ params: { address }, query: { page = "0" } }) => {
    const { rows } = await pool.query<Row>({
      name: "history",
      text: `SELECT tx_id::text, encode(tx_hash, 'hex') AS tx_hash, created_at, side, counterparty, amount, block_height,
                    transaction_type, (SELECT sealed_height FROM chain_state)
               FROM ${BASELINE}.postings p WHERE address = $1 ORDER BY p.tx_id DESC LIMIT ${PAGE_SIZE} OFFSET $2`,
      values: [address, Number(page) * PAGE_SIZE],
    });
    const transactions = rows.map((row) => ({
      id: row.tx_id,
      hash: row.tx_hash,
      from: row.side > 0 ? row.counterparty : address,
      to: row.side < 0 ? row.counterparty : address,
      amount: row.amount,
      type: row.transaction_type,
      ...chainState(row.block_height, row.sealed_height),
      timestamp: row.created_at.getTime(),
      created_at: row.created_at.toISOString(),
    }));
    return { transactions, next_cursor: null, prev_cursor: null };
  },
);

await app.listen({ host, port });
