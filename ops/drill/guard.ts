import { spawn } from "node:child_process";
import { stackSettings } from "../../tools/stack/settings.ts";
import { openPlatform } from "../open-platform.ts";
import { releaseWrites } from "../postgres/pooler.ts";
import { openInjector } from "./open-injector.ts";

/** Tells the guard that nothing is left to heal. */
const DONE = "done\n";

/**
 * Starts a process of its own that heals the whole stack when this one ends before it called the result, however it ends.
 */
export function startGuard(stack: string): () => void {
  const child = spawn(process.execPath, [import.meta.filename, stack], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  child.unref();
  child.stdin.on("error", () => undefined);
  return () => void child.stdin.end(DONE);
}

async function guard(stack: string): Promise<void> {
  let heard = "";
  for await (const chunk of process.stdin) heard += String(chunk);
  if (heard === DONE) return;
  const settings = stackSettings(stack);
  const platform = await openPlatform(stack, settings);
  const members = await platform.members();
  await (await openInjector(stack, settings)).healAll(members);
  await releaseWrites({ platform, members });
}

if (process.argv[1] === import.meta.filename) {
  // A signal to the group of whoever started it is what it is there for.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);
  await guard(process.argv[2] ?? "");
}
