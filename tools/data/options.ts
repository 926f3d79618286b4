import { Failure } from "../failure.ts";

/** Stacks that may hold invented data, and so may those beside them, which have a word of their own behind the name. */
const STACKS = ["dev", "light", "ci", "test", "bench"];

/** @throws Failure where the stack is for real data */
export function refuseRealStack(stack: string): void {
  if (STACKS.some((name) => stack === name || stack.startsWith(`${name}-`))) return;
  throw new Failure(
    `The stack is ${stack}: invented data goes only to ${STACKS.join(", ")}, and to stacks beside them, such as dev-stock.`,
  );
}

/** @throws Failure that names the value and what is allowed */
export function readSeed(text: string): number {
  const seed = Number(text);
  if (text.trim() === "" || !Number.isSafeInteger(seed))
    throw new Failure(`--seed is ${text}, allowed are whole numbers.`);
  return seed;
}

/** @throws Failure that names the value and what is allowed */
export function readUntil(text: string): Date {
  const until = new Date(text);
  if (!(until.getTime() > Date.UTC(2025, 5)))
    throw new Failure(
      `--until is ${text}, allowed are times after 2025-06-01, such as 2026-11-23T00:00:00Z.`,
    );
  return until;
}
