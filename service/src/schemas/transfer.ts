import { Type } from "typebox";

import { Address, Amount, Hash, Nullable } from "./fields.ts";

export const TransferBody = Type.Object(
  {
    from: Address,
    to: Address,
    amount: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER, description: "micro-DYO" }),
    nonce: Type.Integer({
      minimum: 1,
      maximum: Number.MAX_SAFE_INTEGER,
      description: "the sender's last nonce + 1",
    }),
    nft_id: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
  },
  { additionalProperties: false },
);

export const TransferHeaders = Type.Object({
  "idempotency-key": Type.String({
    minLength: 1,
    maxLength: 255,
    pattern: "^[!-~]+$",
    description: "the sender's own; a repeat with it books nothing twice",
  }),
});

export const TransferAnswer = Type.Object({
  success: Type.Literal(true),
  message: Type.String(),
  tx_hash: Hash,
  status: Type.Union([Type.Literal("pending"), Type.Literal("confirmed")]),
  block_height: Nullable(Type.Integer()),
  nonce: Type.Integer(),
  balance: Amount,
  replayed: Type.Boolean({ description: "true: booked by an earlier request with the same key" }),
  read_after: Type.String({ description: "send it as X-Read-After, and a read sees this write" }),
});
