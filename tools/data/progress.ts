/** Shows how far a task is. */
export interface Progress {
  /** Begins a task of `total` steps; ends the one before. */
  task(name: string, total: number): void;
  add(steps: number): void;
  done(): void;
}

const WIDTH = 30;
const REDRAW_MS = 100;

/** A bar on a terminal; on anything else one line per task, with its duration. */
export function showProgress(output: NodeJS.WriteStream): Progress {
  let name = "";
  let total = 0;
  let steps = 0;
  let started = 0;
  let drawn = 0;
  const draw = () => {
    drawn = performance.now();
    const share = total === 0 ? 1 : Math.min(1, steps / total);
    const filled = Math.round(share * WIDTH);
    const bar = "#".repeat(filled) + ".".repeat(WIDTH - filled);
    output.write(`\r\x1b[K${name.padEnd(24)} [${bar}] ${String(Math.round(share * 100)).padStart(3)} %`);
  };
  const end = () => {
    if (name === "") return;
    if (output.isTTY) {
      steps = total;
      draw();
    }
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    output.write(output.isTTY ? ` ${seconds} s\n` : `${name}: ${seconds} s\n`);
    name = "";
  };
  return {
    task(next, count) {
      end();
      name = next;
      total = count;
      steps = 0;
      started = performance.now();
      if (output.isTTY) draw();
    },
    add(count) {
      steps += count;
      if (output.isTTY && performance.now() - drawn >= REDRAW_MS) draw();
    },
    done: end,
  };
}

/** For callers that show nothing. */
export const noProgress: Progress = { task: () => undefined, add: () => undefined, done: () => undefined };
