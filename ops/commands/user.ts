import { keyRing } from "../../tools/data/personal-fields.ts";
import { defineCommand } from "../define-command.ts";
import { sessionOptions, withSession } from "../postgres/session.ts";
import { Refusal } from "../refusal.ts";
import { formatTable } from "../table.ts";
import { eraseUser, findUser, type UserRow } from "../users/accounts.ts";
import { readIndex } from "../users/lookup.ts";

interface Options {
  readonly email: string;
  readonly indexKeyFile?: string;
  readonly confirm?: string;
}

export const command = defineCommand<Options>({
  usage: "user <action>",
  summary:
    'Finds a user by e-mail ("find"), or takes the personal fields away ("erase": address, name, password). The account stays, ' +
    "and so does every row of the ledger. Earlier backups hold the fields, in cipher, until they are expired.",
  changes: true,
  // One row: other work on the stack does not matter.
  alone: false,
  examples: [
    ["user find --email ann@example.org", "account, name, rows of the ledger"],
    ["user find --email -", "the address from standard input"],
    ["user erase --email ann@example.org --confirm DU17", 'for good; DU17 is the account that "find" tells'],
    ["user find --email - --index-key-file ./index.hex", "users that were written under a key of your own"],
  ],
  options: (command) =>
    command
      .requiredOption("--email <address>", '"-" reads it from standard input')
      .option(
        "--index-key-file <file>",
        "blind index's key, where it is not the stack's; default: BLIND_INDEX_KEY_FILE",
      )
      .option("--confirm <account>", "erase: the account whose user is meant"),
  run: async ({ stack, args: [action], options, dryRun }) => {
    if (action !== "find" && action !== "erase")
      throw new Refusal(`There is no action "${action}"; there are "find" and "erase".`);
    const connection = await stack.connection();
    const index = readIndex(options.email, keyRing(connection.personalKeys).index, options.indexKeyFile);
    return await withSession(sessionOptions(connection, connection.writer, "owner"), async (session) => {
      const user = await findUser(session, index);
      if (action === "find")
        return user
          ? { text: describe(user), data: { found: true, user } }
          : { ok: false, text: "No user has this address, under this key.", data: { found: false } };
      if (!user) throw new Refusal("No user has this address, under this key. Nothing was erased.");
      const { wallet_address: account, postings } = user;
      if (dryRun) return { text: `Would erase the user of ${account}.\n\n${describe(user)}`, data: { user } };
      if (options.confirm !== account)
        throw new Refusal(
          `Erasing can not be taken back. It would be the user of the account ${account}; repeat with --confirm ${account}.`,
        );
      await eraseUser(session, index, user);
      return {
        text: `Erased the user of ${account}: e-mail, name and password. ${postings} rows of the ledger stay.`,
        data: { erased: account, ledger_rows: postings },
      };
    });
  },
});

function describe({ user_id, wallet_address, username, user_type, created_at, postings }: UserRow): string {
  return formatTable(
    ["account", "user", "name", "type", "since", "rows of the ledger"],
    [[wallet_address, user_id, username ?? "-", user_type, created_at, String(postings)]],
  );
}
