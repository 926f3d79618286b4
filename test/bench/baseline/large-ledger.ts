import { createHash } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import type { Client } from "pg";
import { dropIndexes } from "../../../tools/data/indexes.ts";

/** How much is put into a ledger; each transaction has two postings. */
export interface LedgerSize {
  readonly accounts: number;
  readonly transactions: number;
}

/** Rows of one statement: so the log of a server with a small disk for it stays small, and a failure shows where. */
const CHUNK = 250_000;

/** Name of the account with this rank; 1 is the busiest. */
export function rankedAddress(rank: number): string {
  return `DU${createHash("md5").update(String(rank)).digest("hex")}`;
}

/**
 * Puts accounts and transactions beside what a ledger holds already, straight into its tables: no booking, no blocks, for
 * reading alone. Who pays whom follows Zipf's law with the exponent 1, over 60 days up to now. Does nothing where it was done.
 *
 * @param owner a direct session with the primary as the owner of the schema
 */
export async function growLedger(owner: Client, { accounts, transactions }: LedgerSize): Promise<void> {
  const last = await owner.query("SELECT FROM balances WHERE address = $1", [rankedAddress(accounts)]);
  if (last.rows.length > 0) return;
  // A NOTIFY for each account would be a flood.
  await owner.query("SET dujyo.notify = 'off'");
  await owner.query("SET timezone = 'UTC'");
  await owner.query("SELECT setseed(0.5)");
  await owner.query(
    "SELECT ensure_month(month::date) FROM generate_series(now() - interval '60 days', now(), '28 days') AS month",
  );
  const { rows: state } = await owner.query<{ id: string }>(
    "SELECT coalesce(max(tx_id), 0)::text AS id FROM transactions",
  );
  const first = Number(state[0]?.id);
  const rebuild = await dropIndexes(owner, ["postings"]);
  for (let done = 0; done < transactions; done += CHUNK) {
    const count = Math.min(CHUNK, transactions - done);
    await owner.query(TRANSACTIONS, [first, done, count, transactions, accounts]);
    await owner.query(POSTINGS, [first + done, first + done + count]);
  }
  for (const statement of rebuild) await owner.query(statement);
  await owner.query("SELECT setval('transactions_tx_id_seq', (SELECT max(tx_id) FROM transactions))");
  // Last: they tell that all is there.
  await owner.query(
    `INSERT INTO balances (address, balance)
     SELECT 'DU' || md5(rank::text), 1000000 FROM generate_series(1, $1::int) AS rank ON CONFLICT (address) DO NOTHING`,
    [accounts],
  );
  await owner.query("VACUUM (ANALYZE) transactions, postings, balances");
}

/** Waits until the replicas have replayed what was written so far: reads go to them, and replaying costs what is measured. */
export async function replayed(owner: Client): Promise<void> {
  const { rows } = await owner.query<{ lsn: string }>("SELECT pg_current_wal_lsn()::text AS lsn");
  const behind = async (): Promise<boolean> => {
    const { rows: lagging } = await owner.query(
      "SELECT FROM pg_stat_replication WHERE replay_lsn < $1::pg_lsn OR replay_lsn IS NULL",
      [rows[0]?.lsn],
    );
    return lagging.length > 0;
  };
  while (await behind()) await pause(200);
}

/** $1 last number before all, $2 of them made so far, $3 to make now, $4 to make in all, $5 accounts. */
const TRANSACTIONS = `
  INSERT INTO transactions (tx_id, created_at, amount, nonce, block_height, tx_hash, from_address, to_address)
  SELECT $1::bigint + number, now() - interval '60 days' * (1 - number::float8 / $4::int), 1 + number % 1000000, number, 1,
         sha256(convert_to(number::text, 'UTF8')), 'DU' || md5(payer::text),
         -- Nobody pays himself.
         'DU' || md5((CASE WHEN payee = payer THEN payee % $5::int + 1 ELSE payee END)::text)
    FROM (SELECT number, power($5::int, random())::int AS payer, power($5::int, random())::int AS payee
            FROM generate_series($2::int + 1, $2::int + $3::int) AS number OFFSET 0) drawn`;

/** $1 and $2: of the transactions after the first number, up to the second. */
const POSTINGS = `
  INSERT INTO postings (tx_id, created_at, amount, block_height, side, address, counterparty, tx_hash, transaction_type)
  SELECT t.tx_id, t.created_at, t.amount, t.block_height, s.side, s.address, s.counterparty, t.tx_hash, t.transaction_type
    FROM transactions t, LATERAL (VALUES (-1, t.from_address, t.to_address), (1, t.to_address, t.from_address))
         AS s (side, address, counterparty)
   WHERE t.tx_id > $1 AND t.tx_id <= $2`;
