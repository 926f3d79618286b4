/** Shows how far a task is. */
export interface Progress {
  /** Begins a task of `total` steps; ends the one before. */
  task(name: string, total: number): void;
  add(steps: number): void;
  done(): void;
}

/** Where progress is shown. */
export interface ProgressOutput {
  /** The present task with its bar; each call takes the place of the one before. */
  line(text: string): void;
  /** A task that has ended, with its duration. */
  note(text: string): void;
}

const WIDTH = 24;

/** A bar for the present task, and a line for each that has ended. */
export function showProgress(output: ProgressOutput): Progress {
  let name = "";
  let total = 0;
  let steps = 0;
  let started = 0;
  const draw = () => {
    const share = total === 0 ? 1 : Math.min(1, steps / total);
    const filled = Math.round(share * WIDTH);
    const bar = "#".repeat(filled) + ".".repeat(WIDTH - filled);
    output.line(`${name} [${bar}] ${Math.floor(share * 100)} %`);
  };
  const end = () => {
    if (name === "") return;
    // The total may be an estimate: a transfer to oneself, for one, has fewer rows than others.
    steps = total;
    draw();
    output.note(`${name}: ${((performance.now() - started) / 1000).toFixed(1)} s`);
    name = "";
  };
  return {
    task(next, count) {
      end();
      name = next;
      total = count;
      steps = 0;
      started = performance.now();
      draw();
    },
    add(count) {
      steps += count;
      draw();
    },
    done: end,
  };
}

/** For callers that show nothing. */
export const noProgress: Progress = { task: () => undefined, add: () => undefined, done: () => undefined };
