import type { FastifyInstance } from "fastify";

import { accountKey } from "../cache/keys.ts";
import type { ReadThrough } from "../cache/read-through.ts";
import type { Balances } from "../repositories/balances.ts";
import { AddressParams, Balance, BalanceDetail } from "../schemas/accounts.ts";
import { cachedResponses, ReadHeaders } from "../schemas/fields.ts";
import { read, send } from "./serve.ts";

type Params = { address: string };

/** `GET /balance/:address` and `GET /balance-detail/:address`. */
export function addBalances(
  app: FastifyInstance,
  { cache, balances }: { cache: ReadThrough; balances: Balances },
): void {
  for (const [url, view, answer] of [
    ["/balance/:address", "balance", Balance],
    ["/balance-detail/:address", "detail", BalanceDetail],
  ] as const) {
    const schema = { params: AddressParams, headers: ReadHeaders, response: cachedResponses(answer) };
    app.get<{ Params: Params }>(url, { schema }, (request, reply) => {
      const { address } = request.params;
      const source = () => balances[view](address);
      if (request.headers["x-read-after"] === undefined) {
        const held = cache.peek(accountKey(view, address), source);
        if (held) return send(request, reply, held);
      }
      return read(request, cache, source(), address).then((served) => send(request, reply, served));
    });
  }
}
