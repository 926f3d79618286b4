import type { Accounts } from "./accounts.ts";
import { Chain, type GeneratedBlock } from "./chain.ts";
import { bytes, type CopyValue, timestamp } from "./copy.ts";
import { poolId } from "./exchange.ts";
import type { GeneratedTransaction, LedgerHistory, LedgerState } from "./ledger.ts";

type Row = readonly CopyValue[];

export const TRANSACTION_COLUMNS = [
  "tx_id",
  "created_at",
  "amount",
  "nonce",
  "block_height",
  "tx_hash",
  "from_address",
  "to_address",
  "transaction_type",
  "pool_id",
  "amount_in",
  "amount_out",
] as const;

export function* transactionRows(
  history: Iterable<GeneratedTransaction>,
  { addresses }: Accounts,
): Generator<Row> {
  for (const t of history) {
    const swapped = t.pool !== undefined;
    yield [
      t.id,
      timestamp(t.time),
      t.amount,
      t.nonce,
      t.height,
      bytes(t.hash),
      addresses[t.from],
      addresses[t.to],
      t.type,
      t.pool === undefined ? undefined : poolId(t.pool),
      swapped ? t.amount : undefined,
      // Less the fee of 0.3 %.
      swapped ? Math.max(1, Math.floor(t.amount * 0.997)) : undefined,
    ];
  }
}

export const POSTING_COLUMNS = [
  "tx_id",
  "created_at",
  "amount",
  "block_height",
  "side",
  "address",
  "counterparty",
  "tx_hash",
  "transaction_type",
] as const;

export function* postingRows(
  history: Iterable<GeneratedTransaction>,
  { addresses }: Accounts,
): Generator<Row> {
  for (const t of history) {
    const time = timestamp(t.time);
    const hash = bytes(t.hash);
    const from = addresses[t.from];
    const to = addresses[t.to];
    yield [t.id, time, t.amount, t.height, t.from === t.to ? 0 : -1, from, to, hash, t.type];
    if (t.from !== t.to) yield [t.id, time, t.amount, t.height, 1, to, from, hash, t.type];
  }
}

export const HASH_COLUMNS = ["tx_id", "created_at", "nonce", "tx_hash", "from_address"] as const;

/** Rows of transaction_hashes; on the way the sealed blocks are linked, in order, and handed to `onBlock`. */
export function* hashRows(
  history: LedgerHistory,
  { addresses }: Accounts,
  genesisHash: string,
  onBlock: (block: GeneratedBlock) => void,
): Generator<Row> {
  const chain = new Chain(0, genesisHash);
  let height = 1;
  let hashes: string[] = [];
  const sealUpTo = (next: number) => {
    for (; height < next; height += 1) {
      onBlock(
        chain.seal(
          hashes,
          history.start + height * history.interval,
          `validator-${String(height % 21).padStart(2, "0")}`,
        ),
      );
      hashes = [];
    }
  };
  for (const t of history.play()) {
    yield [t.id, timestamp(t.time), t.nonce, bytes(t.hash), addresses[t.from]];
    if (t.height === undefined) continue;
    sealUpTo(t.height);
    hashes.push(t.hash);
  }
  sealUpTo(history.sealedHeight + 1);
}

export const BLOCK_COLUMNS = [
  "height",
  "hash",
  "prev_hash",
  "tx_root",
  "timestamp",
  "tx_count",
  "validator",
] as const;

export function* blockRows(blocks: Iterable<GeneratedBlock>): Generator<Row> {
  for (const b of blocks) {
    yield [
      b.height,
      bytes(b.hash),
      bytes(b.previousHash),
      bytes(b.root),
      timestamp(b.time),
      b.transactions,
      b.validator,
    ];
  }
}

export const BALANCE_COLUMNS = ["address", "balance", "version", "last_nonce", "updated_at"] as const;

export function* balanceRows({ addresses, tokenOnly }: Accounts, state: LedgerState): Generator<Row> {
  for (const [account, address] of addresses.entries()) {
    if (tokenOnly.has(account)) continue;
    const { balances, versions, nonces, times } = state;
    yield [address, balances[account], versions[account], nonces[account], timestamp(times[account] ?? 0)];
  }
}

export function* genesisRows({ addresses, genesis }: Accounts): Generator<Row> {
  for (const [account, address] of addresses.entries()) {
    if ((genesis[account] ?? 0) > 0) yield [address, genesis[account]];
  }
}
