import { type Answer, CanNotAsk, type Check } from "../check.ts";

/**
 * Columns of users that may hold something in clear: public by their comments (`migrations/011_users_in_clear.sql`) or no
 * data of a person.
 */
const IN_CLEAR: ReadonlySet<string> = new Set([
  "user_id",
  "wallet_address",
  "username",
  "user_type",
  "key_version",
  "created_at",
  "updated_at",
]);

/** Offences of columns by name and type, beyond those known to be public. */
export function judgeColumns(rows: readonly (readonly string[])[]): Answer {
  const offences = rows
    .filter(([name = "", type]) => !IN_CLEAR.has(name) && type !== "bytea" && name !== "password_hash")
    .map(([name, type]) => `users.${name} is ${type}, in clear`);
  return { asked: rows.length, offences, evidence: `${rows.length} columns` };
}

/** Offences of counts: users, of them with a legible e-mail address in the cipher, with a password that is no hash. */
export function judgeUsers([users = "0", legible = "0", plain = "0"]: readonly string[]): Answer {
  if (users === "0") throw new CanNotAsk("there is no user in the database of this stack");
  return {
    asked: 1,
    offences: [
      ...(legible === "0" ? [] : [`the e-mail address of ${legible} users is legible in its column`]),
      ...(plain === "0" ? [] : [`the password of ${plain} users is no hash`]),
    ],
    evidence: `${users} users`,
  };
}

const COLUMNS =
  "SELECT attname, format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = 'public.users'::regclass AND attnum > 0 AND NOT attisdropped";
// 0x40 is the sign between name and domain; a cipher has no two neighbours of it that are letters often enough to be one.
const USERS = `
SELECT count(*), count(*) FILTER (WHERE encode(email_ciphertext, 'escape') ~* '[a-z0-9._-]{3,}@[a-z0-9-]{3,}[.][a-z]{2,}'),
       count(*) FILTER (WHERE password_hash !~ '^([!]|[$][0-9a-z]+[$])')
FROM public.users`;
const SAMPLE = "\\xc0ffee";
/** Writes a user, erases the person as the command does, and looks for what is left; then takes all of it back. */
const ERASED = `
BEGIN;
INSERT INTO public.users (wallet_address, username, email_ciphertext, email_index, password_hash)
VALUES ('audit-erasure', 'audit-erasure', '${SAMPLE}', sha256('audit-erasure'), '$argon2id$audit');
`;

export interface Erasure {
  /** Statement that erases; `$1` index, `$2` account. */
  readonly sql: string;
}

/** The statements of a trial of `erase` with values in place of its parameters. */
export function trialOf(erase: string): string {
  const filled = erase.replaceAll("$1", "sha256('audit-erasure')").replaceAll("$2", "'audit-erasure'");
  return `${ERASED}${filled};
SELECT username IS NOT NULL, email_ciphertext = '${SAMPLE}', email_index = sha256('audit-erasure'), password_hash <> '!'
FROM public.users WHERE wallet_address = 'audit-erasure';
ROLLBACK;`;
}

/** Offences of what is left of an erased person: name, e-mail address, its index, password. */
export function judgeErased(rows: readonly (readonly string[])[]): Answer {
  const fields = ["name", "e-mail address", "index", "password"];
  const [row] = rows;
  return {
    asked: row?.length ?? 0,
    offences: fields
      .filter((_, index) => row?.[index] !== "f")
      .map((field) => `the ${field} of an erased person is left`),
    evidence:
      "a person written, erased by the command's own statement and looked for, within a transaction that was taken back",
  };
}

export const personalData = (erase: string): readonly Check[] => [
  {
    id: "data/columns",
    title: "Personal fields have columns of bytes",
    ask: async ({ sql }) => judgeColumns(await sql(COLUMNS)),
  },
  {
    id: "data/users",
    title: "No personal field of a user is legible",
    ask: async ({ sql }) => judgeUsers((await sql(USERS))[0] ?? []),
  },
  {
    id: "data/erasure",
    title: "Erasing a person leaves no personal field",
    ask: async ({ sql }) => judgeErased(await sql(trialOf(erase))),
  },
];
