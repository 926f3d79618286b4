import { randomBytes } from "node:crypto";

import type { Client } from "pg";

let made = 0;
const run = randomBytes(5).toString("hex");

/** An address that no other test and no earlier run uses. */
export function newAddress(): string {
  return `DU${run}${String(++made).padStart(30, "0")}`;
}

/** Gives an account a balance, as someone who writes past the service. The trigger tells the caches. */
export async function setBalance(owner: Client, address: string, balance: number): Promise<void> {
  await owner.query(
    `INSERT INTO balances (address, balance) VALUES ($1, $2)
     ON CONFLICT (address) DO UPDATE SET balance = EXCLUDED.balance`,
    [address, balance],
  );
}

/** How often a statement of the service that contains this text ran, on the node of this session. */
export async function calls(node: Client, fragment: string): Promise<number> {
  const { rows } = await node.query<{ calls: string }>(
    "SELECT coalesce(sum(calls), 0) AS calls FROM pg_stat_statements WHERE query LIKE '%' || $1 || '%' AND query NOT LIKE '%pg_stat_statements%'",
    [fragment],
  );
  return Number(rows[0]?.calls);
}
