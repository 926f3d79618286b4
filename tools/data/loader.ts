import { Client, type ClientConfig } from "pg";
import { Failure } from "../failure.ts";
import { makeAccounts } from "./accounts.ts";
import type { GeneratedBlock } from "./chain.ts";
import { copyRows } from "./copy.ts";
import { makeExchange, POOL_COLUMNS, POSITION_COLUMNS } from "./exchange.ts";
import { dropIndexes } from "./indexes.ts";
import { LedgerHistory } from "./ledger.ts";
import {
  BALANCE_COLUMNS,
  BLOCK_COLUMNS,
  balanceRows,
  blockRows,
  genesisRows,
  HASH_COLUMNS,
  hashRows,
  POSTING_COLUMNS,
  postingRows,
  TRANSACTION_COLUMNS,
  transactionRows,
} from "./ledger-rows.ts";
import { TOKEN_COLUMNS, tokenRows, USER_COLUMNS, userRows } from "./people.ts";
import type { KeyRing } from "./personal-fields.ts";
import type { Progress } from "./progress.ts";
import type { DataSize } from "./sizes.ts";

export interface LoadOptions {
  /** A direct session to the primary as the owner of the schema, already migrated. */
  readonly connection: ClientConfig;
  readonly size: DataSize;
  /** The same seed, size and `until` give the same data. */
  readonly seed: number;
  /** End of the history; its hour is the first one without transactions. */
  readonly until: Date;
  readonly keys: KeyRing;
  readonly progress: Progress;
}

/** Tables that must have no row, so that nothing real is mixed with what is invented. */
const MUST_BE_EMPTY = [
  "users",
  "genesis",
  "balances",
  "token_balances",
  "transactions",
  "postings",
  "dex_pools",
];
const SORTED_AFTERWARDS = [
  "transactions",
  "postings",
  "transaction_hashes",
  "balances",
  "token_balances",
  "users",
];

/**
 * Loads a ledger into an empty database: all of it or, if anything fails, nothing.
 *
 * The history is played once per big table, and not kept: it takes no memory and no disk however long it is. Keys and
 * indexes are sorted after the rows are there, so nobody reads these tables until all is loaded.
 *
 * @throws Error when the database is not empty or not migrated
 */
export async function loadData(options: LoadOptions): Promise<void> {
  const client = new Client(options.connection);
  // A session that is lost fails the statement under way.
  client.on("error", () => undefined);
  await client.connect();
  try {
    // A NOTIFY per account would be a flood: one for all of them follows.
    await client.query("SET dujyo.notify = 'off'");
    await client.query("BEGIN");
    await refuseUnlessEmpty(client);
    await fill(client, options);
    // Caches may hold answers about the empty ledger.
    await client.query(`SELECT pg_notify('dujyo_invalidate', '{"t":"balances","all":true}')`);
    await client.query("COMMIT");
    await settle(client, options.progress);
  } finally {
    await client.end();
  }
}

async function refuseUnlessEmpty(client: Client): Promise<void> {
  for (const table of MUST_BE_EMPTY) {
    const { rows } = await client.query<{ filled: boolean }>(
      `SELECT EXISTS (SELECT FROM ${table}) AS filled`,
    );
    if (rows[0]?.filled) {
      throw new Failure(
        `Table ${table} is not empty, and data is only loaded into a new database. To give this one up: ` +
          '"npm run down -- --volumes", then "npm run up -- --data test|dev|load".',
      );
    }
  }
}

async function fill(client: Client, { size, seed, until, keys, progress }: LoadOptions): Promise<void> {
  const accounts = makeAccounts(size, seed);
  const newHistory = () => new LedgerHistory(accounts, size, until, seed);
  const history = newHistory();
  const add = (count: number) => progress.add(count);
  const end = until.getTime() * 1000;

  for (
    let month = new Date(history.start / 1000);
    month < until;
    month = new Date(Date.UTC(month.getUTCFullYear(), month.getUTCMonth() + 1, 1))
  ) {
    await client.query("SELECT ensure_month($1::date)", [month.toISOString().slice(0, 10)]);
  }
  const rebuild = await dropIndexes(client, SORTED_AFTERWARDS);

  progress.task("transactions", size.transactions);
  await copyRows(client, "transactions", TRANSACTION_COLUMNS, transactionRows(history.play(), accounts), add);
  progress.task("postings", size.transactions * 2);
  await copyRows(client, "postings", POSTING_COLUMNS, postingRows(newHistory().play(), accounts), add);
  progress.task("hashes", size.transactions);
  const blocks: GeneratedBlock[] = [];
  const genesis = await client.query<{ hash: string }>(
    "SELECT encode(hash, 'hex') AS hash FROM blocks WHERE height = 0",
  );
  const rows = hashRows(newHistory(), accounts, genesis.rows[0]?.hash ?? "", (block) => blocks.push(block));
  await copyRows(client, "transaction_hashes", HASH_COLUMNS, rows, add);

  progress.task("blocks", size.blocks);
  await copyRows(client, "blocks", BLOCK_COLUMNS, blockRows(blocks), add);
  progress.task("accounts", size.users * 3);
  await copyRows(client, "genesis", ["address", "amount"], genesisRows(accounts), () => undefined);
  await copyRows(client, "balances", BALANCE_COLUMNS, balanceRows(accounts, history.state), add);
  await copyRows(client, "token_balances", TOKEN_COLUMNS, tokenRows(accounts, end, seed), add);
  await copyRows(client, "users", USER_COLUMNS, userRows(accounts, keys, history.start, seed), add);
  const exchange = makeExchange(accounts, size, seed);
  await copyRows(client, "dex_pools", POOL_COLUMNS, exchange.pools, () => undefined);
  await copyRows(client, "dex_liquidity_positions", POSITION_COLUMNS, exchange.positions, () => undefined);

  const sealed = blocks.reduce((sum, block) => sum + block.transactions, 0);
  await client.query(
    "UPDATE chain_state SET sealed_height = $1, open_height = $1::bigint + 1, sealed_transactions = $2",
    [history.sealedHeight, sealed],
  );
  await client.query("SELECT setval('transactions_tx_id_seq', $1)", [size.transactions]);

  progress.task("indexes", rebuild.length);
  for (const statement of rebuild) {
    await client.query(statement);
    progress.add(1);
  }
}

/** What a running system gets from autovacuum and maintenance in time: visibility, statistics, snapshots. */
async function settle(client: Client, progress: Progress): Promise<void> {
  const tables = [...SORTED_AFTERWARDS, "blocks", "genesis", "dex_pools", "dex_liquidity_positions"];
  progress.task("vacuum, statistics", tables.length + 1);
  for (const table of tables) {
    await client.query(`VACUUM (ANALYZE) ${table}`);
    progress.add(1);
  }
  await client.query("SELECT refresh_top_holders()");
  progress.done();
}
