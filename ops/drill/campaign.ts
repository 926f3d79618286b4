import { Random } from "../../tools/data/random.ts";
import type { RunningStack } from "../running-stack.ts";
import type { Fault, Goal, Turn } from "./fault.ts";
import { DrillGround, type Progress } from "./ground.ts";

export interface CampaignArgs {
  /** Where each turn happens, on one after the other. */
  readonly stacks: readonly RunningStack[];
  readonly seed: number;
  /** Account that pays; by default the richest of an invented ledger. */
  readonly payer?: string;
  readonly say: (line: string) => void;
}

/** Rounds of a full run: more of those with a goal of their own. */
export function fullPlan(faults: readonly Fault[], rounds?: number): Turn[] {
  return faults.flatMap((fault) =>
    Array.from({ length: rounds ?? (hasOwnGoal(fault) ? 5 : 2) }, (_, index) => ({
      fault,
      round: index + 1,
    })),
  );
}

/** Goals that most faults share. */
const COMMON_GOALS: readonly string[] = ["readsAnswered", "cachedReadsAnswered"] satisfies (keyof Goal)[];

function hasOwnGoal({ goal = {} }: Fault): boolean {
  return Object.keys(goal).some((key) => !COMMON_GOALS.includes(key));
}

/** Faults drawn by lot until the time is over; the same seed draws the same ones. */
export function* randomPlan(faults: readonly Fault[], seed: number, until: () => boolean): Generator<Turn> {
  const random = new Random(seed, "drill");
  for (let round = 1; !until(); round += 1) {
    const fault = faults[random.below(faults.length)];
    if (fault) yield { fault, round };
  }
}

/** What {@link takeTurns} asks of a stack. */
export type Ground = Pick<DrillGround, "has" | "drill">;

/**
 * Lets each turn happen on every ground, so that what the machine does meanwhile meets all of them alike: turn 1 on the first
 * ground, turn 1 on the second, turn 2 on the first... Those that have happened are not repeated, and a fault that one
 * ground does not permit is left out on all of them from then on.
 */
export async function takeTurns(grounds: readonly Ground[], turns: Iterable<Turn>): Promise<void> {
  const leftOut = new Set<string>();
  for (const turn of turns)
    for (const ground of grounds)
      if (!leftOut.has(turn.fault.name) && !ground.has(turn) && !(await ground.drill(turn)))
        leftOut.add(turn.fault.name);
}

/**
 * Drills one turn after the other.
 *
 * @param keep name under which progress is kept, so that the same call goes on after it was cut off
 * @returns what happened, for each stack in the order given
 */
export async function campaign(
  { stacks, seed, payer, say }: CampaignArgs,
  turns: Iterable<Turn>,
  keep?: string,
): Promise<Progress[]> {
  const grounds: DrillGround[] = [];
  try {
    for (const stack of stacks) {
      const sayWhere = stacks.length > 1 ? (line: string) => say(`${stack.name}: ${line}`) : say;
      grounds.push(await DrillGround.open({ stack, seed, payer, keep, say: sayWhere }));
    }
    await takeTurns(grounds, turns);
  } finally {
    for (const ground of grounds) await ground.close();
  }
  for (const ground of grounds) ground.forget();
  return grounds.map(({ progress }) => progress);
}
