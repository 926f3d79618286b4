import { bytes } from "../../infra/lib/units.ts";
import { recoversFirst } from "../../infra/settings/recovery.ts";
import { Failure } from "../../tools/failure.ts";
import { Refusal } from "../refusal.ts";
import type { RunningStack } from "../running-stack.ts";
import type { ClusterView } from "./patroni.ts";
import { holdWrites, releaseWrites, renewReaders } from "./pooler.ts";

/** Longest time that clients are held; the guard inside the pooler ends it. Below the pooler's query_wait_timeout. */
const HOLD_SECONDS = 12;
/** Time that open transactions get to end before anything is changed. */
const DRAIN_SECONDS = 2;
/** Time that the new leader's former readers get to move to the other replicas. */
const READER_REST_SECONDS = 10;

export interface HandOver {
  readonly from: string;
  readonly to: string;
  /** How long clients of the pooler were held. */
  readonly held_seconds: number;
}

/**
 * Who would take over: `wanted`, or the quorum standby with the least lag.
 *
 * @throws Refusal where there is none that would lose nothing
 */
export function chooseCandidate(
  view: ClusterView & { leader: string },
  maxLag: number,
  wanted?: string,
): string {
  if (view.paused)
    throw new Refusal('Automatic failover is paused. End that with "npm run ops -- resume" and repeat.');
  if (wanted === view.leader) throw new Refusal(`${wanted} leads already.`);
  const lagOf = (name: string) => view.members.find((member) => member.name === name)?.lag ?? 0;
  if (wanted === undefined) {
    const [best] = view.standbys.filter((name) => lagOf(name) <= maxLag);
    if (best) return best;
    throw new Refusal(
      'No quorum standby is close enough to take over. See "npm run ops -- status"; wait, or mend the replicas.',
    );
  }
  const member = view.members.find(({ name }) => name === wanted);
  if (!member) {
    const names = view.members.map(({ name }) => name).join(", ");
    throw new Refusal(`There is no PostgreSQL member "${wanted}". There are: ${names}.`);
  }
  if (!view.standbys.includes(wanted))
    throw new Refusal(
      `${wanted} is no quorum standby (${member.role}, ${member.state}): it may lack acknowledged writes. ` +
        `These stand by: ${view.standbys.join(", ") || "none"}.`,
    );
  if (lagOf(wanted) > maxLag)
    throw new Refusal(
      `${wanted} is ${lagOf(wanted)} B behind; at most ${maxLag} B are allowed (postgres.maxReplicaLag). Wait until it has caught up.`,
    );
  return wanted;
}

/** The lag beyond which a replica may not take over on purpose, bytes. */
export function allowedLag({ settings }: Pick<RunningStack, "settings">): number {
  return bytes(settings.postgres.maxReplicaLag);
}

/**
 * Makes another member the leader while the pooler's clients wait, so that none of them gets an error.
 *
 * To a certain member it is Patroni's switchover. Without one it is quicker: the leader's PostgreSQL is shut down, which
 * ends when the replicas have all of its log, and Patroni lets them elect at once. (In a switchover to a named member the
 * others pause for 2 s before they follow, and under synchronous replication the first commit waits for one of them.) Where
 * Patroni lets a primary that stopped recover first, it would start it again: the switchover is the only way there.
 *
 * @throws Refusal before anything is changed; Failure where the hand-over did not happen
 */
export async function handOver(stack: RunningStack, to?: string): Promise<HandOver> {
  const { patroni, platform } = stack;
  const view = await patroni.ledView();
  const from = view.leader;
  const candidate = chooseCandidate(view, allowedLag(stack), to);
  const named = to ?? (recoversFirst(stack.settings) ? candidate : undefined);
  const leader = patroni.member(from);
  // While writes still go on, so that the shutdown's own checkpoint has little to do.
  await platform.exec(leader, ["psql", ...LOCAL_SUPERUSER, "--command=CHECKPOINT"], 60_000);
  await holdWrites(stack, HOLD_SECONDS, DRAIN_SECONDS);
  const started = performance.now();
  let released = false;
  const routers = stack.members.filter(({ part, running }) => part === "haproxy" && running);
  try {
    const asked = named
      ? patroni.mustDo("POST", from, "/switchover", { body: { leader: from, candidate: named }, seconds: 60 })
      : stopLeader(stack, from);
    // Waited for below; an answer that comes earlier is not lost.
    asked.catch(() => undefined);
    // Clients may go on as soon as the routers know the new leader, whatever Patroni still has to do.
    const moved = await Promise.all(
      routers.map((router) =>
        platform.exec(router, ["writer-moved", from, String(HOLD_SECONDS)], HOLD_SECONDS * 1_000 + 5_000),
      ),
    );
    await releaseWrites(stack);
    released = true;
    const held = (performance.now() - started) / 1_000;
    await asked;
    const successor = moved[0]?.stdout.trim();
    if (!successor) throw new Failure(`${from} still leads: ${moved[0]?.stderr.trim() || "no answer"}.`);
    // The new leader will answer as no replica at the routers' next check; its readers leave before that cuts them off.
    await Promise.all(
      routers.map((router) =>
        platform.exec(router, ["reader-rest", successor, String(READER_REST_SECONDS)], 5_000),
      ),
    );
    await renewReaders(stack);
    return { from, to: successor, held_seconds: Math.round(held * 1_000) / 1_000 };
  } finally {
    if (!released) await releaseWrites(stack);
  }
}

const LOCAL_SUPERUSER = ["--no-psqlrc", "--quiet", "--host=/run/postgresql", "--username=postgres"];

async function stopLeader({ patroni, platform }: RunningStack, name: string): Promise<void> {
  const command = ["pg_ctl", "stop", "--mode=fast", "--no-wait", "--silent", "-D", "/var/lib/dujyo/pgdata"];
  const result = await platform.exec(patroni.member(name), command, 10_000);
  if (result.code !== 0)
    throw new Failure(`PostgreSQL on ${name} could not be stopped: ${result.stderr.trim()}.`);
}
