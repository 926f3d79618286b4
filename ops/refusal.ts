import { Failure } from "../tools/failure.ts";

/**
 * A command that would do harm, or that has nothing to act on, in the state that the stack is in. Nothing was changed.
 * The message says what is in the way and the way out.
 */
export class Refusal extends Failure {}

/** Exit codes of every `npm run ops` command. */
export const EXIT = {
  /** Done; for commands that judge, all is as it should be. */
  done: 0,
  /** Tried and failed, or judged and found wanting. */
  failed: 1,
  /** The command line makes no sense. */
  usage: 2,
  /** Refused before anything was changed. */
  refused: 3,
} as const;
