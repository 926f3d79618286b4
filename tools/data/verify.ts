import { Client, type ClientConfig } from "pg";

/** One rule of the ledger and what was found. */
export interface Invariant {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

/** Checks every invariant of the ledger, in the database. Reads all of it. */
export async function checkInvariants(connection: ClientConfig): Promise<Invariant[]> {
  const client = new Client(connection);
  // A session that is lost fails the statement under way.
  client.on("error", () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query<Invariant>("SELECT name, ok, detail FROM ledger_invariants()");
    return rows;
  } finally {
    await client.end();
  }
}
