import type { FastifyInstance } from "fastify";

import { Problem } from "../errors.ts";
import type { Submit } from "../ledger/submit.ts";
import type { Authenticate } from "../plugins/authentication.ts";
import type { LimitPrincipal } from "../plugins/rate-limits.ts";
import { chainState } from "../repositories/history.ts";
import { responses } from "../schemas/fields.ts";
import { TransferAnswer, TransferBody, TransferHeaders } from "../schemas/transfer.ts";

interface Body {
  readonly from: string;
  readonly to: string;
  readonly amount: number;
  readonly nonce: number;
  readonly nft_id?: string;
}

export interface SubmitRoutesArgs {
  readonly submit: Pick<Submit, "run">;
  readonly authenticate: Authenticate;
  readonly limitPrincipal: LimitPrincipal;
  readonly onBooked: () => void;
}

/** `POST /transaction`. */
export function addSubmit(
  app: FastifyInstance,
  { submit, authenticate, limitPrincipal, onBooked }: SubmitRoutesArgs,
): void {
  app.post<{ Body: Body }>(
    "/transaction",
    {
      config: { needsToken: true, writes: true },
      schema: {
        body: TransferBody,
        headers: TransferHeaders,
        security: [{ bearer: [] }],
        response: responses(TransferAnswer, 401, 403, 409, 415, 422),
      },
      // Before the body is read: an unknown caller costs no parsing.
      onRequest: async (request) => {
        limitPrincipal((await authenticate(request)).address);
      },
    },
    async (request, reply) => {
      const { nft_id: nftId, ...order } = request.body;
      if (request.caller?.address !== order.from) {
        throw new Problem("forbidden", { detail: "the token is for another address than from" });
      }
      const key = String(request.headers["idempotency-key"]);
      const booked = await submit.run({ ...order, key, nftId });
      if (!booked.replayed) onBooked();
      request.accessed = `transaction ${booked.tx_hash}`;
      return reply.header("cache-control", "no-store").send({
        success: true,
        message: "Transaction submitted successfully",
        tx_hash: booked.tx_hash,
        ...chainState(booked.block_height, booked.sealed_height),
        nonce: booked.from_nonce,
        balance: booked.from_balance,
        replayed: booked.replayed,
        read_after: booked.readAfter,
      });
    },
  );
}
