import type { Outcome, Task } from "../define-command.ts";

export interface RotateOptions {
  readonly finish: boolean;
  /** Whole seconds, as typed. */
  readonly tokenLife: string;
}

/** Something that can be rotated, on Docker. */
export interface Credential {
  /** What a rotation does, as a sentence of the help. */
  readonly summary: string;
  /** Whether it has a second step, `--finish`. */
  readonly finishes: boolean;
  /** The way on Kubernetes, where the command refuses, as a sentence; refusals of its own come first. */
  readonly onKubernetes: (task: Task<RotateOptions>) => string;
  /** Takes a step, or tells in a dry run what it would do. A repeat completes what was cut off. */
  readonly rotate: (task: Task<RotateOptions>) => Promise<Outcome>;
}
