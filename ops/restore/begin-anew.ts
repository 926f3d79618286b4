import { Failure } from "../../tools/failure.ts";
import { applyStack } from "../apply-stack.ts";
import { flushPrefix } from "../cache/flush.ts";
import { redisClient } from "../cache/redis-client.ts";
import { sessionOptions, withSession } from "../postgres/session.ts";
import { planRestart, rollingRestart } from "../rolling-restart.ts";
import type { RunningStack } from "../running-stack.ts";
import { openGround } from "./open-ground.ts";
import { type Order, restoreMembers } from "./order.ts";
import type { Found } from "./trial.ts";

/** Jobs that bring a restored database to what the settings and the migrations say. */
const JOBS = ["postgres-settle", "migrate"];
/** Keys of the cache begin with it. */
const PREFIX = "dujyo:";
/** Longest wait for the restored cluster, as a multiple of the trial's time, and what starting takes besides, seconds. */
const TRIAL_TIMES = 10;
const START_SECONDS = 300;

/** Blocks up to a height, and those beyond it that were sealed before a moment. */
const BLOCKS = `SELECT count(*) FILTER (WHERE height <= $1)::int AS blocks,
    encode(sha256(coalesce(string_agg(hash, ''::bytea ORDER BY height) FILTER (WHERE height <= $1), '')), 'hex') AS digest,
    count(*) FILTER (WHERE height > $1 AND timestamp < $2)::int AS beyond
  FROM blocks`;

/** The member that is to found the cluster anew, as things are now. */
export async function founderOf(stack: RunningStack): Promise<string> {
  return (await openGround(stack)).founder(namesOf(stack), await leaderOf(stack));
}

function namesOf(stack: RunningStack): readonly [string, ...string[]] {
  const [first, ...others] = restoreMembers(stack).map(({ name }) => name);
  return [first as string, ...others];
}

async function leaderOf({ patroni }: RunningStack): Promise<string | undefined> {
  return (await patroni.view().catch(() => undefined))?.leader;
}

/**
 * Begins the stack's cluster anew from the repository or from data that was brought to the founder, and brings everything that
 * stands on it along: replicas, roles, schema, cache, API. What is cut off is completed by an `up`, cache and API aside.
 *
 * @throws Failure where the cluster does not come, or has other blocks than the trial
 */
export async function beginAnew(
  stack: RunningStack,
  source: Pick<Order, "options"> & { readonly founder: string; readonly ends: boolean },
  found: Found,
  say: (line: string) => void,
): Promise<void> {
  const { founder } = source;
  const members = namesOf(stack);
  const leader = await leaderOf(stack);
  const ground = await openGround(stack);
  // First: from here on the next "npm run up" completes what is cut off, whoever runs it.
  await ground.renewJobs(JOBS);
  const stopped = new Date();
  say(`${members.join(", ")} stop; ${founder} begins anew, the others are copied from it`);
  await ground.begin({ founder, members, options: source.options }, leader);
  const patience = Math.ceil(found.seconds * TRIAL_TIMES) + START_SECONDS;
  await stack.patroni.whole(stack.settings.postgres.synchronousReplicas, patience);
  await applyStack(stack.name, say);
  await mustHold(stack, found, source.ends ? stopped : undefined);
  say("emptying the cache");
  const redis = redisClient(await stack.connection(), "operator");
  try {
    await flushPrefix(redis, PREFIX, true);
  } finally {
    redis.disconnect();
  }
  await rollingRestart(stack, await planRestart(stack, "api"), say);
}

/**
 * The blocks of the trial are those of the cluster that serves; none beyond them is older than the restore.
 *
 * @param stopped when the former members were stopped; undefined where later blocks than the trial's are welcome
 */
async function mustHold(
  stack: RunningStack,
  { height, blocks, digest }: Found,
  stopped: Date | undefined,
): Promise<void> {
  const connection = await stack.connection();
  const options = sessionOptions(connection, connection.writer, "readonly");
  const { rows } = await withSession(options, (session) =>
    session.query<{ blocks: number; digest: string; beyond: number }>(BLOCKS, [
      height,
      stopped ?? new Date(0),
    ]),
  );
  const [there] = rows;
  if (there?.blocks === blocks && there.digest === digest && there.beyond === 0) return;
  throw new Failure(
    `Up to height ${height} the restored cluster has ${there?.blocks} blocks with the hash ${there?.digest}, and ${there?.beyond} of ` +
      `before the restore beyond it; on trial there were ${blocks} with ${digest}.`,
  );
}
