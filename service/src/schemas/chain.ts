import { Type } from "typebox";

import { Address, Amount, Cursor, EpochSeconds, Hash, Limit, Nullable } from "./fields.ts";

export const BlocksQuery = Type.Object(
  { before: Type.Optional(Cursor), limit: Limit(10, 50) },
  { additionalProperties: false },
);

export const Blocks = Type.Object({
  chain: Type.Array(
    Type.Object({
      height: Type.Integer(),
      timestamp: EpochSeconds,
      transactions: Type.Array(
        Type.Object({
          hash: Hash,
          from: Address,
          to: Address,
          amount: Amount,
          nft_id: Nullable(Type.String()),
        }),
        { description: "the first 100; tx_count tells how many there are" },
      ),
      tx_count: Type.Integer(),
      previous_hash: Hash,
      hash: Hash,
      validator: Type.String(),
    }),
  ),
  length: Type.Integer({ description: "blocks of the whole chain" }),
  next_cursor: Nullable(Cursor),
});

export const Stats = Type.Object({
  total_blocks: Type.Integer(),
  total_transactions: Type.Integer(),
  pending_transactions: Type.Integer(),
  total_addresses: Type.Integer({ description: "estimated: as of the last ANALYZE" }),
  total_supply: Amount,
  last_updated: EpochSeconds,
});

export const HoldersQuery = Type.Object({ limit: Limit(10, 1000) }, { additionalProperties: false });

export const Holders = Type.Object({
  holders: Type.Array(
    Type.Object({
      address: Address,
      total_balance: Amount,
      rank: Type.Integer(),
      percentage: Type.Number({ description: "of the supply" }),
    }),
  ),
  as_of: Nullable(Type.String({ description: "when the ranking was computed" })),
});

export const PoolParams = Type.Object({ id: Type.String({ pattern: "^[A-Za-z0-9_-]{1,64}$" }) });

export const DexPool = Type.Object({
  pool_id: Type.String(),
  token_a: Type.String(),
  token_b: Type.String(),
  reserve_a: Type.Integer(),
  reserve_b: Type.Integer(),
  total_supply: Type.Integer(),
  timestamp: EpochSeconds,
});
