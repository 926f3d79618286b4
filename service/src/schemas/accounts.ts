import { Type } from "typebox";

import { Address, Amount, Cursor, EpochSeconds, Hash, Limit, Nullable } from "./fields.ts";

export const AddressParams = Type.Object({ address: Address });

export const Balance = Type.Object({ address: Address, balance: Amount, timestamp: EpochSeconds });

export const BalanceDetail = Type.Object({
  address: Address,
  dyo: Amount,
  dys: Amount,
  staked: Amount,
  total: Amount,
  timestamp: EpochSeconds,
});

export const Transaction = Type.Object({
  id: Type.String({ description: "position in the ledger; usable as cursor" }),
  hash: Hash,
  from: Address,
  to: Address,
  amount: Amount,
  type: Type.String(),
  status: Type.Union([Type.Literal("pending"), Type.Literal("confirmed"), Type.Literal("failed")]),
  block_height: Nullable(Type.Integer()),
  timestamp: Type.Integer({ description: "milliseconds since 1970" }),
  created_at: Type.String({ description: "RFC 3339" }),
});

export const HistoryPage = Type.Object({
  transactions: Type.Array(Transaction),
  next_cursor: Nullable(Cursor),
  prev_cursor: Nullable(Cursor),
});

export const HistoryQuery = Type.Object(
  {
    before: Type.Optional(Cursor),
    after: Type.Optional(Cursor),
    limit: Limit(50, 200),
  },
  { additionalProperties: false },
);

export const HashParams = Type.Object({ hash: Hash });
