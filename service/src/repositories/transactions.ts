import { type NodeReader, REPLAYED, type ReplayedRow } from "../database/node-reader.ts";
import { chainState, type HistoryTransaction } from "./history.ts";

/** The hash's row names the month, so that one partition is looked into. */
const BY_HASH = {
  name: "transaction-by-hash",
  text: `SELECT c.sealed_height, ${REPLAYED}, t.tx_id::text AS tx_id, t.created_at, t.from_address, t.to_address, t.amount,
      t.nonce, t.transaction_type, t.block_height
    FROM chain_state c
    LEFT JOIN LATERAL (
      SELECT t.* FROM transaction_hashes h JOIN transactions t ON t.created_at = h.created_at AND t.tx_id = h.tx_id
      WHERE h.tx_hash = $1
    ) t ON true`,
};

interface TransactionRow extends ReplayedRow {
  readonly sealed_height: number;
  readonly tx_id: string | null;
  readonly created_at: Date;
  readonly from_address: string;
  readonly to_address: string;
  readonly amount: number;
  readonly nonce: number;
  readonly transaction_type: string;
  readonly block_height: number | null;
}

/** One transaction by its hash, or undefined if there is none. */
export async function findTransaction(
  reader: NodeReader,
  hash: string,
  after: string | undefined,
): Promise<{
  transaction: (HistoryTransaction & { nonce: number }) | undefined;
  from: "replica" | "primary";
}> {
  const values = [Buffer.from(hash, "hex")];
  const answer = after
    ? await reader.readAfter<TransactionRow>(after, BY_HASH, values)
    : await reader.read<TransactionRow>(BY_HASH, values);
  const [row] = answer.rows;
  if (!row || row.tx_id === null) return { transaction: undefined, from: answer.from };
  const transaction = {
    id: row.tx_id,
    hash,
    from: row.from_address,
    to: row.to_address,
    amount: row.amount,
    nonce: row.nonce,
    type: row.transaction_type,
    ...chainState(row.block_height, row.sealed_height),
    timestamp: row.created_at.getTime(),
    created_at: row.created_at.toISOString(),
  };
  return { transaction, from: answer.from };
}
