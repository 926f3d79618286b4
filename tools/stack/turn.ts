import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../failure.ts";
import { LOCAL } from "../layout.ts";
import { isAlive } from "../process.ts";

/**
 * Lets one set-up at a time work in this clone; the turn ends with the process.
 *
 * @throws Failure naming the process whose turn it is
 */
export function takeTurn(folder = LOCAL): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, "turn");
  const mine = `${file}.${process.pid}`;
  writeFileSync(mine, String(process.pid));
  // A link appears with its content and is refused where there is one already.
  while (!link(mine, file)) {
    const other = Number(readFileSync(file, "utf8"));
    if (isAlive(other)) {
      rmSync(mine);
      throw new Failure(
        `Another command (process ${other}) is changing the stack. Wait for its end, or end it, and repeat.`,
      );
    }
    rmSync(file, { force: true });
  }
  rmSync(mine);
  process.on("exit", () => rmSync(file, { force: true }));
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
