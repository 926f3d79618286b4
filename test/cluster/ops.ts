import { join } from "node:path";
import { expect } from "vitest";
import { ROOT } from "../../tools/layout.ts";
import { run } from "../../tools/process.ts";

/** A command of `npm run ops` on a stack that has to succeed; what it tells. */
export async function ops<T>(stack: string, ...args: string[]): Promise<T> {
  const command = [join(ROOT, "ops/cli.ts"), ...args, "--stack", stack, "--json"];
  const { code, stdout, stderr } = await run(process.execPath, command, { cwd: ROOT, timeout: 600_000 });
  expect(code, `${stdout}\n${stderr}`).toBe(0);
  return JSON.parse(stdout) as T;
}
