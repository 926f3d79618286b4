import { Failure } from "../../tools/failure.ts";
import type { RunningStack } from "../running-stack.ts";

/** Longest wait for all members to know; several of Patroni's loops. */
const SECONDS = 45;

/**
 * Pauses or resumes automatic failover on all members.
 *
 * @returns whether it was paused before, and is now
 * @throws Failure where a member does not hear of it in time
 */
export async function setPaused(
  { patroni }: Pick<RunningStack, "patroni">,
  paused: boolean,
  dryRun: boolean,
): Promise<{ readonly was: boolean; readonly paused: boolean }> {
  const { leader, paused: was } = await patroni.ledView();
  if (dryRun || was === paused) return { was, paused: dryRun ? was : paused };
  await patroni.mustDo("PATCH", leader, "/config", { body: { pause: paused ? true : null } });
  const deadline = Date.now() + SECONDS * 1_000;
  for (;;) {
    const unaware = (await Promise.all(patroni.names.map((name) => knows(patroni, name, paused)))).filter(
      (name) => name !== undefined,
    );
    if (unaware.length === 0) return { was, paused };
    if (Date.now() > deadline)
      throw new Failure(`${unaware.join(", ")} did not hear of it within ${SECONDS} s; the others did.`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** The member's name while it does not know yet. */
async function knows(
  patroni: RunningStack["patroni"],
  name: string,
  paused: boolean,
): Promise<string | undefined> {
  const answer = await patroni.ask("GET", name, "/patroni").catch(() => undefined);
  const document = answer ? (JSON.parse(answer.text) as { pause?: boolean }) : undefined;
  return document && (document.pause === true) === paused ? undefined : name;
}
