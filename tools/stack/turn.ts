import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../failure.ts";
import { LOCAL } from "../layout.ts";
import { isAlive, startOf } from "../process.ts";

export interface TurnOptions {
  /** Where the turn is kept. @default the clone's own folder */
  readonly folder?: string;
  /** Longest wait for a living process to end, seconds. @default 1200 */
  readonly patience?: number;
  /** Told whom it waits for, at once and every 15 s. @default standard error */
  readonly say?: (line: string) => void;
}

const SECONDS_BETWEEN_LINES = 15;

/**
 * Lets one command at a time change the stacks of this clone; the turn ends with the process. A command that was started
 * by another one may outlive that: killing `npm` alone leaves its child at work, and a repeat waits here for the child.
 *
 * @returns gives the turn up before that, to a command that this one starts
 * @throws Failure naming the process whose turn it is, where that does not end
 */
export async function takeTurn(options: TurnOptions = {}): Promise<() => void> {
  const {
    folder = LOCAL,
    patience = 1_200,
    say = (line) => void process.stderr.write(`${line}\n`),
  } = options;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, "turn");
  const mine = `${file}.${process.pid}`;
  const started = Date.now();
  let said = -Infinity;
  writeFileSync(mine, `${process.pid} ${startOf(process.pid) ?? ""}`);
  try {
    // A link appears with its content and is refused where there is one already.
    while (!link(mine, file)) {
      const holder = livingHolder(file);
      if (holder === undefined) {
        rmSync(file, { force: true });
        continue;
      }
      const waited = (Date.now() - started) / 1_000;
      if (waited > patience)
        throw new Failure(
          `Another command (process ${holder}) has been changing the stack for ${Math.round(patience / 60)} minutes. ` +
            `Wait for its end, or end it ("kill ${holder}"), and repeat.`,
        );
      if (waited - said >= SECONDS_BETWEEN_LINES) {
        said = waited;
        say(
          `waiting for another command (process ${holder}) that is changing the stack: ${Math.round(waited)} s`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  } finally {
    rmSync(mine, { force: true });
  }
  const leave = () => rmSync(file, { force: true });
  process.on("exit", leave);
  return () => {
    process.off("exit", leave);
    leave();
  };
}

/** The process whose turn it is; undefined where it is over. Its number alone may be another process's by now. */
function livingHolder(file: string): number | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  const [number, start] = text.split(" ");
  const pid = Number(number);
  if (!isAlive(pid)) return undefined;
  return !start || startOf(pid) === start ? pid : undefined;
}

function link(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}
