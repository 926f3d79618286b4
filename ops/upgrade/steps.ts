import { setTimeout as pause } from "node:timers/promises";
import { Failure } from "../../tools/failure.ts";
import { Refusal } from "../refusal.ts";
import { differences, type Fingerprint, fingerprints, TABLES } from "./fingerprint.ts";
import {
  caughtUp,
  close,
  copySequences,
  follow,
  hasWriters,
  NAME,
  open,
  type Progress,
  progressOf,
  publish,
  unfollow,
} from "./replication.ts";
import { DATABASE, literal, type Side } from "./side.ts";

export interface Sides {
  /** The cluster that has the writers at first. */
  readonly before: Side;
  /** The cluster of the newer version. */
  readonly after: Side;
  /** Progress, for a person. */
  readonly say: (line: string) => void;
}

/** Further behind than this, a change of sides would make writers wait for long. */
const NEAR_BYTES = 16 * 2 ** 20;
/** Longest wait for the last of it, seconds. */
const CATCH_UP_SECONDS = 60;
/** A copy that fails again and again is for a person to look at. */
const MOST_FAILURES = 5;

/** What the database is marked with that "prepare" makes, and may make again as long as nobody writes there. */
const COPY_MARK = "A copy that follows another cluster";

/** Copies the schema into the new cluster, whose own empty one goes. @throws Refusal naming all that is in the way */
export async function prepare({ before, after, say }: Sides): Promise<void> {
  const against = [...(await objections(before)), ...(await unfit(before, after)), ...(await inUse(after))];
  if (against.length > 0) throw new Refusal(["Nothing was changed:", ...against].join("\n  "));
  await publish(before);
  await close(after);
  await unfollow(after, before);
  await after.run(`DROP DATABASE IF EXISTS ${DATABASE} WITH (FORCE)`, "postgres");
  // By the newer version's program, which knows both.
  await after.shell(
    `file=$(mktemp) && trap 'rm -f "$file"' EXIT
     pg_dump --schema-only --create --no-publications --no-subscriptions --file="$file" --dbname="$1"
     psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username=postgres --dbname=postgres --file="$file" >/dev/null`,
    before.address,
  );
  await after.run(`COMMENT ON DATABASE ${DATABASE} IS ${literal(COPY_MARK)}`);
  say(`${after.name} has the schema of ${before.name}, and no writers.`);
}

/** Copies all rows, and goes on following until the sides change. Returns when the new cluster has caught up. */
export async function beginFollowing({ before, after, say }: Sides): Promise<void> {
  if (!(await isCopy(after)))
    throw new Refusal(`${after.name} is not prepared; "prepare" copies the schema first.`);
  const [known] = await after.rows(`SELECT FROM pg_subscription WHERE subname = '${NAME}'`);
  if (!known) await follow(after, before, { copy: true, enabled: true });
  let told = "";
  for (;;) {
    const progress = await progressOf(after, before);
    if (progress.copying === 0 && progress.behind <= NEAR_BYTES) break;
    if (progress.failures > MOST_FAILURES)
      throw new Failure(
        `${progress.failures} attempts to copy into ${after.name} have failed; its log says why. It goes on trying; "finish" gives up.`,
      );
    if (told !== describe(progress)) say(describe(progress));
    told = describe(progress);
    await pause(500);
  }
  // Neither is replicated: the planner's figures, and views that hold rows.
  await after.run("ANALYZE");
  await refreshViews(after);
  say(`${after.name} follows ${before.name}.`);
}

/** How far the follower is, as a sentence. */
export function describe({ copying, failures, behind }: Progress): string {
  const tables = copying > 0 ? `${copying} tables are being copied, ` : "all tables are copied, ";
  return `${tables}${(behind / 2 ** 20).toFixed(1)} MB of log behind, ${failures} failed attempts.`;
}

export interface ChangeOptions {
  /** Whether all rows of both sides are compared while nobody writes. @default true */
  readonly compare?: boolean;
}

export interface Change {
  /** What both sides held; missing where nothing was compared. */
  readonly held?: readonly Fingerprint[];
  /** How long writers were kept out, milliseconds. */
  readonly pausedMs: number;
}

/**
 * Moves the writers from the side that has them to the one that follows it. From then on the former side follows, so that
 * the same change back loses nothing.
 *
 * @throws Refusal where the follower is not near enough; Failure where it did not work: writers are back where they were
 */
export async function changeSides(
  { from, to, say }: { readonly from: Side; readonly to: Side; readonly say: Sides["say"] },
  { compare = true }: ChangeOptions = {},
): Promise<Change> {
  const written = await hasWriters(to);
  if (written && (await hasWriters(from)))
    throw new Refusal(
      `Both ${from.name} and ${to.name} let writers in; only one that follows the other can take over.`,
    );
  // A run that was cut off after its last step but the tidying.
  if (written) {
    await tidy(from, to);
    return { pausedMs: 0 };
  }
  const progress = await progressOf(to, from);
  if (progress.copying > 0 || progress.behind > NEAR_BYTES)
    throw new Refusal(`${to.name} is not near enough: ${describe(progress)} Repeat when it is.`);
  let closedAt: number;
  let held: Fingerprint[] | undefined;
  try {
    // The way back first: where it can not be had, nobody has noticed anything.
    await unfollow(from, to);
    await publish(to);
    await follow(from, to, { copy: false, enabled: false });
    closedAt = Date.now();
    await close(from);
    say(`${from.name} takes no writes.`);
    await caughtUp(to, from, CATCH_UP_SECONDS);
    await copySequences(from, to);
    if (compare) held = await compareSides(from, to);
    await from.run(`ALTER SUBSCRIPTION ${NAME} ENABLE`);
  } catch (error) {
    await open(from);
    // Where it can not be had now, the next run or "finish" does it.
    await unfollow(from, to).catch(() => undefined);
    const why = error instanceof Error ? error.message : String(error);
    throw new Failure(`The sides were not changed, ${from.name} takes writes as before: ${why}`);
  }
  await open(to);
  const pausedMs = Date.now() - closedAt;
  say(`${to.name} takes writes; nobody did for ${(pausedMs / 1_000).toFixed(1)} s.`);
  await tidy(from, to);
  return { ...(held && { held }), pausedMs };
}

/** Ends the following that led up to a change, which the one back has replaced. */
async function tidy(from: Side, to: Side): Promise<void> {
  await unfollow(to, from);
  await refreshViews(to);
}

/** Ends all following between the two. Whoever has the writers keeps them. */
export async function finish({ before, after, say }: Sides): Promise<void> {
  for (const [follower, leader] of [
    [after, before],
    [before, after],
  ] as const) {
    await unfollow(follower, leader);
    await follower.run(`DROP PUBLICATION IF EXISTS ${NAME}`);
  }
  say(`${before.name} and ${after.name} no longer know each other.`);
}

async function compareSides(from: Side, to: Side): Promise<Fingerprint[]> {
  const [one, other] = await Promise.all([fingerprints(from), fingerprints(to)]);
  const found = differences(one, other);
  if (found.length > 0) throw new Failure([`${from.name} and ${to.name} differ:`, ...found].join("\n  "));
  return one;
}

async function refreshViews(side: Side): Promise<void> {
  const views = await side.rows<{ name: string }>(
    "SELECT format('%I.%I', schemaname, matviewname) AS name FROM pg_matviews",
  );
  for (const { name } of views) await side.run(`REFRESH MATERIALIZED VIEW ${name}`);
}

async function isCopy(side: Side): Promise<boolean> {
  const { mark } = await side.row<{ mark: string | null }>(
    `SELECT shobj_description((SELECT oid FROM pg_database WHERE datname = '${DATABASE}'), 'pg_database') AS mark`,
    "postgres",
  );
  return mark === COPY_MARK;
}

/** What a ledger must not have to be copied row by row. */
async function objections(before: Side): Promise<string[]> {
  const tables = await before.rows<{ name: string; why: string }>(
    `SELECT name, CASE WHEN relpersistence = 'u' THEN 'is unlogged; set it LOGGED' ELSE 'has no primary key; add one' END AS why
     FROM (${TABLES}) t
     WHERE relpersistence = 'u'
       OR relreplident = 'd' AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = t.oid AND i.indisprimary)
         -- Rows that are never changed need no key to be found by (16: of UPDATE).
         AND NOT EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = t.oid AND g.tgname = 'refuse_change' AND g.tgtype & 16 <> 0)`,
  );
  const { objects } = await before.row<{ objects: number }>(
    "SELECT count(*)::int AS objects FROM pg_largeobject_metadata",
  );
  return [
    ...tables.map(({ name, why }) => `${before.name}: the table ${name} ${why}.`),
    ...(objects > 0 ? [`${before.name}: ${objects} large objects are not replicated; move them.`] : []),
  ];
}

/** What keeps two servers from following each other. */
async function unfit(before: Side, after: Side): Promise<string[]> {
  const ask = (side: Side) =>
    side.row<{ version: number; level: string; standby: boolean }>(
      `SELECT current_setting('server_version_num')::int / 10000 AS version, current_setting('wal_level') AS level,
         pg_is_in_recovery() AS standby`,
      "postgres",
    );
  const [one, other] = [await ask(before), await ask(after)];
  return [
    ...[[before, one] as const, [after, other] as const].flatMap(([{ name }, { level, standby }]) => [
      ...(standby ? [`${name}: this member does not lead; name the one that does.`] : []),
      ...(level === "logical"
        ? []
        : [`${name}: wal_level is ${level}; set dujyo:postgres.logicalReplication to true and bring it up.`]),
    ]),
    ...(other.version < one.version
      ? [`${after.name} runs PostgreSQL ${other.version}, older than ${one.version} of ${before.name}.`]
      : []),
  ];
}

/** Rows of its own that the new cluster would lose. */
async function inUse(after: Side): Promise<string[]> {
  const [known] = await after.rows(`SELECT FROM pg_database WHERE datname = '${DATABASE}'`, "postgres");
  // A copy that has writers is a copy no more.
  if (!known || ((await isCopy(after)) && !(await hasWriters(after)))) return [];
  const found: string[] = [];
  for (const table of ["users", "transactions", "balances"]) {
    const { there } = await after.row<{ there: boolean }>(
      `SELECT to_regclass('public.${table}') IS NOT NULL AS there`,
    );
    if (there && (await after.rows(`SELECT FROM public.${table} LIMIT 1`)).length > 0) found.push(table);
  }
  return found.map(
    (table) =>
      `${after.name}: ${table} has rows, which would be lost; take a cluster that was brought up with --data none.`,
  );
}
