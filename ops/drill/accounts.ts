import { randomUUID } from "node:crypto";
import { Failure } from "../../tools/failure.ts";
import { bearerToken } from "../bearer-token.ts";
import { Refusal } from "../refusal.ts";
import type { RunningStack } from "../running-stack.ts";
import { onPrimary } from "./ledger.ts";

/** An account that a drill's client books from, one micro-DYO at a time. */
export interface DrillAccount {
  readonly address: string;
  /** Balance before the drill's first booking, micro-DYO. */
  readonly start: number;
  readonly token: string;
}

/** All accounts of a drill. */
export interface DrillAccounts {
  /** One of the API's writers books from each. */
  readonly booked: readonly DrillAccount[];
  /** Nobody books from this one: the cache may answer whoever reads it. */
  readonly still: DrillAccount;
}

/** Enough for hours of bookings of one micro-DYO. */
const FUNDS = 1_000_000;
/** Life of a token, seconds: longer than any drill. */
const TOKEN_SECONDS = "86400";

/** The richest account with a history of its own; only invented data is taken from without asking. */
async function richest(stack: RunningStack): Promise<string> {
  if (stack.settings.ledger.data === "none")
    throw new Refusal(
      `The ledger of "${stack.name}" is not invented (ledger.data is none), and a drill books transfers. ` +
        "Name an account that may pay for them: --payer <address>.",
    );
  return onPrimary(stack, async (client) => {
    const { rows } = await client.query<{ address: string }>(
      "SELECT address FROM balances WHERE balance > $1 ORDER BY balance DESC LIMIT 1",
      [FUNDS * 10],
    );
    const [row] = rows;
    if (!row)
      throw new Refusal(
        `No account of "${stack.name}" can pay for a drill. Load data, or name one: --payer.`,
      );
    return row.address;
  });
}

/**
 * Makes accounts for a drill's clients, funded by transfers through the API.
 *
 * @param count of those that are booked from
 */
export async function drillAccounts(
  stack: RunningStack,
  run: string,
  count: number,
  payer?: string,
): Promise<DrillAccounts> {
  const connection = await stack.connection();
  const from = payer ?? (await richest(stack));
  const authorization = `Bearer ${await bearerToken(stack.name, connection, { address: from, ttl: TOKEN_SECONDS })}`;
  const booked: DrillAccount[] = [];
  const fund = async (name: string | number): Promise<DrillAccount> => {
    const address = `DRILL-${run}-${name}`;
    const nonce = await onPrimary(stack, async (client) => {
      const { rows } = await client.query<{ nonce: string }>(
        "SELECT last_nonce + 1 AS nonce FROM balances WHERE address = $1",
        [from],
      );
      return Number(rows[0]?.nonce ?? 1);
    });
    const answer = await fetch(`http://127.0.0.1:${connection.api.port}/transaction`, {
      method: "POST",
      headers: { "content-type": "application/json", "idempotency-key": randomUUID(), authorization },
      body: JSON.stringify({ from, to: address, amount: FUNDS, nonce }),
    });
    if (!answer.ok) throw new Failure(`The drill's account could not be funded: ${await answer.text()}`);
    const token = await bearerToken(stack.name, connection, { address, ttl: TOKEN_SECONDS });
    return { address, start: FUNDS, token };
  };
  for (let index = 0; index < count; index += 1) booked.push(await fund(index));
  return { booked, still: await fund("still") };
}
