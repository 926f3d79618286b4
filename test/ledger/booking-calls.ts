import { createHash } from "node:crypto";
import { type Client, DatabaseError } from "pg";

/** One transfer as a caller sees it; amounts in micro-DYO. */
export interface Transfer {
  readonly from: string;
  readonly to: string;
  readonly amount: number;
  readonly nonce: number;
  readonly key: string;
  /** As the service books; default: as anybody else does. */
  readonly silent?: boolean;
}

/** The answer of ledger_transfer; pg hands bigint over as text. */
export interface Booked {
  readonly tx_id: string;
  readonly tx_hash: string;
  readonly block_height: string;
  readonly sealed_height: string;
  readonly replayed: boolean;
  readonly from_balance: string;
  readonly from_version: string;
  readonly from_nonce: string;
  readonly to_balance: string;
  readonly to_version: string;
}

export async function transfer(
  client: Client,
  { from, to, amount, nonce, key, silent = false }: Transfer,
): Promise<Booked> {
  const request = createHash("sha256")
    .update(JSON.stringify([from, to, amount, nonce]))
    .digest();
  const { rows } = await client.query<Booked>(
    `SELECT tx_id, encode(tx_hash, 'hex') AS tx_hash, block_height, sealed_height, replayed, from_balance, from_version,
            from_nonce, to_balance, to_version
     FROM ledger_transfer($1, $2, $3, $4, $5, $6, p_silent => $7)`,
    [from, to, amount, nonce, key, request, silent],
  );
  const booked = rows[0];
  if (!booked) throw new Error("ledger_transfer returned no row");
  return booked;
}

/** SQLSTATE and JSON detail of the refusal that `call` must end in. */
export async function refusal(call: Promise<unknown>): Promise<{ code: string; detail: unknown }> {
  try {
    await call;
  } catch (error) {
    if (error instanceof DatabaseError) {
      return {
        code: error.code ?? "",
        detail: error.detail?.startsWith("{") ? JSON.parse(error.detail) : undefined,
      };
    }
    throw error;
  }
  throw new Error("the call was expected to be refused");
}

/** Names of the invariants that do not hold; empty is well. */
export async function brokenInvariants(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string; ok: boolean; detail: string }>(
    "SELECT * FROM ledger_invariants()",
  );
  if (rows.length === 0) throw new Error("no invariant was checked");
  return rows.filter(({ ok }) => !ok).map(({ name, detail }) => `${name}: ${detail}`);
}

/** Seals all that is booked; no other session may book meanwhile. */
export async function sealAll(client: Client): Promise<void> {
  for (;;) {
    const { rows } = await client.query<{ outcome: string }>("SELECT outcome FROM seal_block()");
    if (rows[0]?.outcome === "idle") return;
  }
}
