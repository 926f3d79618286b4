import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import { join } from "node:path";
import { LOCAL } from "../tools/layout.ts";
import { isAlive } from "../tools/process.ts";
import { Refusal } from "./refusal.ts";

/** Who works on a stack, and since when. */
export interface Operation {
  readonly pid: number;
  /** `user@host`. */
  readonly who: string;
  readonly command: string;
  /** RFC 3339. */
  readonly since: string;
}

/**
 * Lets one operation at a time change a stack; the lock ends with the process. That of a process that died is taken over.
 *
 * @throws Refusal naming who is at work, with what, and since when
 */
export function lockOperation(stack: string, command: string, folder = LOCAL): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, `operation-${stack}.json`);
  const mine = `${file}.${process.pid}`;
  const operation: Operation = {
    pid: process.pid,
    who: `${userInfo().username}@${hostname()}`,
    command,
    since: new Date().toISOString(),
  };
  writeFileSync(mine, JSON.stringify(operation));
  try {
    // A link appears with its content and is refused where there is one already.
    while (!link(mine, file)) {
      const other = holder(file);
      if (other && isAlive(other.pid))
        throw new Refusal(
          `"${other.command}" is at work on the stack "${stack}" (${other.who}, process ${other.pid}, since ${other.since}). ` +
            "Wait for its end, or end it, and repeat.",
        );
      rmSync(file, { force: true });
    }
  } finally {
    rmSync(mine, { force: true });
  }
  process.on("exit", () => rmSync(file, { force: true }));
}

/** What is at work according to a lock file; undefined where it is gone or unreadable. */
function holder(file: string): Operation | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Operation;
  } catch {
    return undefined;
  }
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
