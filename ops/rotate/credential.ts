import type { Outcome, Task } from "../define-command.ts";

export interface RotateOptions {
  readonly finish: boolean;
  /** Whole seconds, as typed. */
  readonly tokenLife: string;
}

/** Something that can be rotated. */
export interface Credential {
  /** What a rotation does, as a sentence of the help. */
  readonly summary: string;
  /** Whether it has a second step, `--finish`. */
  readonly finishes: boolean;
  /** Takes a step, or tells in a dry run what it would do. A repeat completes what was cut off. */
  readonly rotate: (task: Task<RotateOptions>) => Promise<Outcome>;
}
