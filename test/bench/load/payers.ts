import { sessionOptions, withSession } from "../../../ops/postgres/session.ts";
import { readTokenConfig } from "../../../service/src/config.ts";
import { signToken } from "../../../service/src/sign-token.ts";
import type { BenchStack } from "../stack.ts";
import type { Payer } from "./traffic.ts";

/** Accounts that can pay for a run, with tokens that outlast it. */
export async function choosePayers({ connection, environment }: BenchStack, count: number): Promise<Payer[]> {
  const { rows } = await withSession(sessionOptions(connection, connection.writer, "owner"), (client) =>
    client.query<{ address: string }>(
      "SELECT address FROM balances WHERE balance > 1000000 ORDER BY md5(address || 'payer') LIMIT $1",
      [count],
    ),
  );
  if (rows.length < count) throw new Error(`${rows.length} accounts can pay, of ${count}`);
  const config = readTokenConfig(environment);
  return await Promise.all(
    rows.map(async ({ address }) => ({
      address,
      nonce: 0,
      token: await signToken(config, { address, ttl: 7_200 }),
    })),
  );
}

/** Reads where each payer's numbers are: a run sends fewer requests than were made for it. */
export async function readNonces({ connection }: BenchStack, payers: readonly Payer[]): Promise<void> {
  await withSession(sessionOptions(connection, connection.writer, "owner"), async (client) => {
    let moved = true;
    // The last transfers of the run before may still be under way.
    while (moved) {
      const { rows } = await client.query<{ address: string; nonce: string }>(
        "SELECT address, last_nonce AS nonce FROM balances WHERE address = ANY ($1)",
        [payers.map(({ address }) => address)],
      );
      const nonces = new Map(rows.map(({ address, nonce }) => [address, Number(nonce)]));
      moved = false;
      for (const payer of payers) {
        const nonce = nonces.get(payer.address) ?? 0;
        moved ||= payer.nonce !== nonce;
        payer.nonce = nonce;
      }
    }
  });
}
