import { join } from "node:path";
import type { Connection } from "../../ops/connection.ts";
import { readConnection } from "../../ops/connection-store.ts";
import { sessionOptions, withSession } from "../../ops/postgres/session.ts";
import { ROOT } from "../../tools/layout.ts";
import { run } from "../../tools/process.ts";
import { pulumiEnvironment } from "../../tools/stack/local-state.ts";
import { removeStack } from "../support/running-stack.ts";
import { up } from "../support/stack-commands.ts";
import { SMALL_SETTINGS, SMALL_STACK, writeSettings } from "../support/stack-settings.ts";

/** What the tests of backups do with a small stack of their own, one file after the other. */

let connection: Connection;
let nonce = 0;

/** Seconds within which a commit has to be in the repository. */
export const LAG = 60;
const BACKUP = { enabled: true, archiveTimeout: "20 s" };

/** The stack's settings, with `changes` to those of its backups. */
export const smallSettings = (changes: object = {}) => ({
  ...SMALL_SETTINGS,
  backup: { ...BACKUP, ...changes },
});

/** Brings it up anew, with money of alice's in its ledger. */
export async function startSmallStack(): Promise<void> {
  await removeStack(SMALL_STACK);
  writeSettings(smallSettings(), SMALL_STACK);
  await up(SMALL_STACK);
  connection = await readConnection(SMALL_STACK, pulumiEnvironment(SMALL_STACK));
  await sql("SELECT genesis_allocate('alice', 1000)", [], "owner");
}

/** `npm run ops` on the small stack. */
export async function ops<T>(...args: string[]): Promise<{ code: number; data: T }> {
  const command = [join(ROOT, "ops/cli.ts"), ...args, "--stack", SMALL_STACK, "--json"];
  const { code, stdout } = await run(process.execPath, command, { cwd: ROOT, timeout: 300_000 });
  return { code, data: JSON.parse(stdout) as T };
}

export const sql = <T>(text: string, values: unknown[] = [], role: "app" | "owner" = "app") =>
  withSession(
    sessionOptions(connection, connection.writer, role),
    async (client) => (await client.query(text, values)).rows as T[],
  );

/** Books a transfer, and waits until it lies in a sealed block, whose height it gives. */
export async function book(): Promise<number> {
  nonce += 1;
  const [booked] = await sql<{ height: string }>(
    "SELECT block_height AS height FROM ledger_transfer('alice', 'bob', 1, $1, $2, sha256('request'))",
    [nonce, `key-${nonce}`],
  );
  const height = Number(booked?.height);
  await eventually(`block ${height} is sealed`, 30, async () => {
    const [tip] = await sql<{ sealed: string }>("SELECT sealed_height AS sealed FROM chain_state");
    return Number(tip?.sealed) >= height;
  });
  return height;
}

/** The nonce of the last booking is free again: a restore has taken it back. */
export function forgetLastBooking(): void {
  nonce -= 1;
}

/** Hashes of the blocks up to `height`. */
export const blocks = async (height: number) =>
  (await sql<{ hash: Buffer }>("SELECT hash FROM blocks WHERE height <= $1 ORDER BY height", [height])).map(
    ({ hash }) => hash.toString("hex"),
  );

/** Time of the database, RFC 3339. */
export async function now(): Promise<string> {
  const [{ moment } = { moment: "" }] = await sql<{ moment: string }>(
    "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AS moment",
  );
  return moment;
}

/** Seconds until `condition` held; fails after `limit` of them. */
export async function eventually(
  what: string,
  limit: number,
  condition: () => Promise<boolean>,
): Promise<number> {
  const started = Date.now();
  while (!(await condition())) {
    if (Date.now() - started > limit * 1_000) throw new Error(`not after ${limit} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  return (Date.now() - started) / 1_000;
}

/** What `backups --json` tells, as far as these tests look at it. */
export interface Listing {
  readonly backups: readonly {
    readonly label: string;
    readonly type: string;
    readonly timeline: number;
    readonly seconds: number;
  }[];
  /** When a trial last succeeded, as far as the repository's host knows. */
  readonly proved?: string;
}
/** What a trial restore tells. */
export interface Proved {
  readonly height: number;
  readonly primary_height: number;
}
/** What a restore in earnest tells. */
export interface Restored extends Proved {
  readonly blocks: number;
  readonly digest: string;
  readonly seconds: number;
}

export const listing = async () => (await ops<Listing>("backups")).data;

/** Waits until a trial proves that a block can be restored; seconds. */
export const restorable = (height: number): Promise<number> =>
  eventually(`block ${height} can be restored`, LAG, async () => {
    const { code, data } = await ops<Proved>("restore-drill");
    return code === 0 && data.height >= height;
  });
