import type { Client } from "pg";
import { Failure } from "../../tools/failure.ts";

/** What a session is asked. */
export type Session = Pick<Client, "query">;

/** A user, without what is in cipher. */
export interface UserRow {
  readonly user_id: string;
  /** The ledger's name of the account; it stays when the person is erased. */
  readonly wallet_address: string;
  readonly username: string | null;
  readonly user_type: string;
  /** RFC 3339. */
  readonly created_at: string;
  /** Rows of the ledger that name the account. */
  readonly postings: number;
}

const FIND = `
SELECT user_id, wallet_address, username, user_type, to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS created_at,
       (SELECT count(*)::float8 FROM postings p WHERE p.address = u.wallet_address) AS postings
FROM users u WHERE email_index = $1`;

/** Of the row with index `$1` and account `$2`. The new index comes from nothing: no address leads to the row any more. */
export const ERASE = `
UPDATE users
SET email_ciphertext = ''::bytea,
    email_index = sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())),
    username = NULL,
    password_hash = '!',
    updated_at = now()
WHERE email_index = $1 AND wallet_address = $2`;

/** Finds a user by the blind index of the e-mail address. */
export async function findUser(session: Session, index: Buffer): Promise<UserRow | undefined> {
  return (await session.query<UserRow>(FIND, [index])).rows[0];
}

/**
 * Takes a user's personal fields away; the account and all that the ledger holds of it stay.
 *
 * @throws Failure where the row changed in the meantime
 */
export async function eraseUser(session: Session, index: Buffer, { wallet_address }: UserRow): Promise<void> {
  const { rowCount } = await session.query(ERASE, [index, wallet_address]);
  if (rowCount !== 1)
    throw new Failure(
      `The user of the account ${wallet_address} has changed in the meantime: nothing was erased. Repeat.`,
    );
  // The row as it was lies in the table until then.
  await session.query("VACUUM users");
}
