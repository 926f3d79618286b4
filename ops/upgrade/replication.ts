import { setTimeout as pause } from "node:timers/promises";
import { Failure } from "../../tools/failure.ts";
import { literal, type Side } from "./side.ts";

/** Publication, subscription and slot, on whichever side. */
export const NAME = "upgrade";

/** Roles that write; nobody else does but the superuser. */
const WRITERS = ["dujyo_app", "dujyo_user"];
const WRITER_LIST = WRITERS.map(literal).join(", ");

/** How far a follower is. */
export interface Progress {
  /** Tables whose first copy is not done. */
  readonly copying: number;
  /** Attempts to copy or to apply that failed. */
  readonly failures: number;
  /** Bytes of log that the follower has not confirmed. */
  readonly behind: number;
}

/** Offers all tables; a partitioned one as a whole, so that the sides may have different partitions. */
export async function publish(side: Side): Promise<void> {
  const [known] = await side.rows(`SELECT FROM pg_publication WHERE pubname = '${NAME}'`);
  if (!known)
    await side.run(`CREATE PUBLICATION ${NAME} FOR ALL TABLES WITH (publish_via_partition_root = true)`);
}

/**
 * Makes one side follow what the other publishes.
 *
 * @param options.copy whether the follower is empty and gets all rows first
 * @param options.enabled whether it begins at once; the leader keeps its log for it either way
 */
export async function follow(
  follower: Side,
  leader: Side,
  options: { readonly copy: boolean; readonly enabled: boolean },
): Promise<void> {
  // Changes that came from the other side do not go back there. What the follower confirms is on its own quorum, so that
  // its failover loses nothing that the leader no longer keeps.
  await follower.run(
    `CREATE SUBSCRIPTION ${NAME} CONNECTION ${literal(leader.address)} PUBLICATION ${NAME}
     WITH (copy_data = ${options.copy}, create_slot = true, enabled = ${options.enabled}, origin = none, synchronous_commit = 'on')`,
  );
}

/** @throws Failure where it does not follow at all */
export async function progressOf(follower: Side, leader: Side): Promise<Progress> {
  const [subscription] = await follower.rows<{ enabled: boolean; copying: number; failures: number }>(
    `SELECT subenabled AS enabled, apply_error_count + sync_error_count AS failures,
       (SELECT count(*) FROM pg_subscription_rel WHERE srsubid = s.oid AND srsubstate <> 'r') AS copying
     FROM pg_subscription s JOIN pg_stat_subscription_stats t ON t.subid = s.oid WHERE s.subname = '${NAME}'`,
  );
  if (!subscription?.enabled)
    throw new Failure(`${follower.name} does not follow ${leader.name}; "follow" begins it.`);
  const [slot] = await leader.rows<{ behind: number; usable: boolean }>(
    `SELECT pg_wal_lsn_diff(pg_current_wal_flush_lsn(), confirmed_flush_lsn)::float8 AS behind, wal_status <> 'lost' AS usable
     FROM pg_replication_slots WHERE slot_name = '${NAME}'`,
  );
  if (!slot?.usable)
    throw new Failure(
      `${leader.name} no longer keeps the log for ${follower.name}: its leader changed, or the follower was away for ` +
        'longer than max_slot_wal_keep_size lasts. Begin again: "finish", then "prepare" and "follow".',
    );
  return { ...subscription, behind: slot.behind };
}

/**
 * Waits until the follower has everything that the leader, which nobody writes to, has.
 *
 * @throws Failure after so many seconds
 */
export async function caughtUp(follower: Side, leader: Side, seconds: number): Promise<void> {
  const { end } = await leader.row<{ end: string }>("SELECT pg_current_wal_flush_lsn() AS end");
  const deadline = Date.now() + seconds * 1_000;
  for (;;) {
    const { there } = await leader.row<{ there: boolean }>(
      `SELECT confirmed_flush_lsn >= '${end}'::pg_lsn AS there FROM pg_replication_slots WHERE slot_name = '${NAME}'`,
    );
    if (there) return;
    if (Date.now() > deadline)
      throw new Failure(
        `${follower.name} has not caught up with ${leader.name} within ${seconds} s; see its log.`,
      );
    await pause(100);
  }
}

/** Ends following, whether the other side answers or not; the rows stay. */
export async function unfollow(follower: Side, leader: Side): Promise<void> {
  const [subscription] = await follower.rows<{ oid: string }>(
    `SELECT oid::text FROM pg_subscription WHERE subname = '${NAME}'`,
  );
  if (subscription)
    await follower.run(
      `ALTER SUBSCRIPTION ${NAME} DISABLE; ALTER SUBSCRIPTION ${NAME} SET (slot_name = NONE); DROP SUBSCRIPTION ${NAME}`,
    );
  const slots = `slot_name = '${NAME}' OR slot_name LIKE 'pg\\_${subscription?.oid ?? "-"}\\_sync\\_%'`;
  await leader.run(
    `SELECT pg_terminate_backend(active_pid, 10000) FROM pg_replication_slots WHERE (${slots}) AND active;
     SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE ${slots}`,
  );
}

/** Keeps writers out and ends their sessions; readers stay. */
export async function close(side: Side): Promise<void> {
  await side.run(
    `${WRITERS.map((role) => `ALTER ROLE ${role} NOLOGIN;`).join(" ")}
     SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE usename IN (${WRITER_LIST})`,
    "postgres",
  );
  const left = await side.rows(
    `SELECT pid FROM pg_stat_activity WHERE usename IN (${WRITER_LIST})`,
    "postgres",
  );
  if (left.length > 0) throw new Failure(`${side.name}: sessions of ${WRITERS.join(", ")} do not end.`);
}

/** Whether writers are let in. */
export async function hasWriters(side: Side): Promise<boolean> {
  const { some } = await side.row<{ some: boolean }>(
    `SELECT bool_or(rolcanlogin) AS some FROM pg_roles WHERE rolname IN (${WRITER_LIST})`,
    "postgres",
  );
  return some;
}

/** Lets writers in; from here on this side has rows that the other one gets later. */
export async function open(side: Side): Promise<void> {
  await side.run(`BEGIN; ${WRITERS.map((role) => `ALTER ROLE ${role} LOGIN;`).join(" ")} COMMIT`, "postgres");
}

/** Sequences are not replicated: sets those of one side to where the other's stand. */
export async function copySequences(from: Side, to: Side): Promise<void> {
  const sequences = await from.rows<{ statement: string }>(
    `SELECT format('SELECT setval(%L, %s)', format('%I.%I', schemaname, sequencename), last_value) AS statement
     FROM pg_sequences WHERE last_value IS NOT NULL`,
  );
  await to.run(sequences.map(({ statement }) => `${statement};`).join("\n"));
}
