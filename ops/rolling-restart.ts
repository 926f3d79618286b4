import { Failure } from "../tools/failure.ts";
import type { Member } from "./inventory.ts";
import { handOver } from "./postgres/hand-over.ts";
import { partMembers, type RunningStack } from "./running-stack.ts";

/** Seconds that a member gets to finish, by part: above what its own stop may take. */
const GRACE: Readonly<Record<string, number>> = { postgres: 75, redis: 20, etcd: 20 };
const DEFAULT_GRACE = 15;
/** Longest wait for a member to be ready again. */
const READY_SECONDS = 120;
/** Longest wait for Patroni to restart one member. */
const RESTART_SECONDS = 60;

/** The members of a part in the order of their turn. @throws Refusal for an unknown part */
export async function planRestart(stack: RunningStack, part: string): Promise<Member[]> {
  const members = partMembers(stack, part);
  if (part === "postgres") {
    const { leader } = await stack.patroni.ledView();
    return [
      ...members.filter(({ name }) => name !== leader),
      ...members.filter(({ name }) => name === leader),
    ];
  }
  if (part !== "redis") return members;
  const roles = new Map(
    await Promise.all(members.map(async (member) => [member.name, await roleOf(stack, member)] as const)),
  );
  return members.toSorted((one, other) => rank(roles.get(one.name)) - rank(roles.get(other.name)));
}

function rank(role: string | undefined): number {
  return role === "shard primary" ? 1 : 0;
}

async function roleOf({ platform }: RunningStack, member: Member): Promise<string | undefined> {
  const answer = await platform.exec(member, ["/usr/local/bin/member-status"], 10_000);
  return answer.code === 0 ? (JSON.parse(answer.stdout) as { role?: string }).role : undefined;
}

/** Restarts members in the given order, each when the one before it is back. @throws Failure where one does not come back */
export async function rollingRestart(
  stack: RunningStack,
  order: readonly Member[],
  say: (line: string) => void,
): Promise<void> {
  for (const member of order) {
    say(`restarting ${member.name}`);
    if (member.part === "postgres") await restartPostgres(stack, member);
    else await stack.platform.restart(member, GRACE[member.part] ?? DEFAULT_GRACE);
    await ready(stack, member);
  }
}

/** The leader's turn is a hand-over: its PostgreSQL is stopped, and comes back as a replica's. */
async function restartPostgres(stack: RunningStack, { name }: Member): Promise<void> {
  const { patroni, settings } = stack;
  const { leader } = await patroni.ledView();
  if (leader === name && patroni.names.length > 1) await handOver(stack);
  // Without a time of its own a restart of the leader would count as a crash.
  else
    await patroni.mustDo("POST", name, "/restart", {
      body: { timeout: RESTART_SECONDS },
      seconds: RESTART_SECONDS + 5,
    });
  await patroni.whole(settings.postgres.synchronousReplicas);
}

async function ready({ platform }: RunningStack, member: Member): Promise<void> {
  const deadline = Date.now() + READY_SECONDS * 1_000;
  for (;;) {
    const answer = await platform.exec(member, ["/usr/local/bin/member-ready"], 15_000);
    if (answer.code === 0) return;
    if (Date.now() > deadline)
      throw new Failure(
        `${member.name} is not ready after ${READY_SECONDS} s: ${answer.stderr.trim()}. The others were left alone.`,
      );
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}
