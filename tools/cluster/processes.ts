import { spawn } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { Failure } from "../failure.ts";
import { isAlive, lastingEnvironment, startOf } from "../process.ts";
import { CLUSTER } from "./place.ts";

const PIDS = join(CLUSTER, "pids");
const LOGS = join(CLUSTER, "logs");
const POLL = 250;
const STOP_SECONDS = 20;

/** The process of this name if it is one that {@link start} has started and that still lives. */
function livingPid(name: string): number | undefined {
  const file = join(PIDS, name);
  if (!existsSync(file)) return undefined;
  const [pid = "", began] = readFileSync(file, "utf8").trim().split(" ");
  return isAlive(Number(pid)) && startOf(Number(pid)) === began ? Number(pid) : undefined;
}

/** Starts a program that goes on when this one ends, unless it runs already. */
export function start(
  name: string,
  command: string,
  args: readonly string[],
  env: Record<string, string> = {},
): void {
  if (livingPid(name) !== undefined) return;
  mkdirSync(PIDS, { recursive: true });
  mkdirSync(LOGS, { recursive: true });
  const log = openSync(join(LOGS, `${name}.log`), "a", 0o600);
  const child = spawn(command, args, {
    detached: true,
    stdio: ["ignore", log, log],
    env: { ...lastingEnvironment(), ...env },
  });
  closeSync(log);
  child.unref();
  if (child.pid === undefined) throw new Failure(`${command} could not be started.`);
  writeFileSync(join(PIDS, name), `${child.pid} ${startOf(child.pid) ?? ""}`);
}

/** Ends a program that {@link start} has started: asked first, then made to. */
export async function stop(name: string): Promise<void> {
  const pid = livingPid(name);
  if (pid !== undefined) {
    process.kill(pid, "SIGTERM");
    // One that was frozen hears it when it goes on.
    process.kill(pid, "SIGCONT");
    const deadline = Date.now() + STOP_SECONDS * 1_000;
    while (livingPid(name) !== undefined && Date.now() < deadline) await pause();
    if (livingPid(name) !== undefined) process.kill(pid, "SIGKILL");
    while (livingPid(name) !== undefined) await pause();
  }
  rmSync(join(PIDS, name), { force: true });
}

/** Names of the programs that run now. */
export function running(): string[] {
  return existsSync(PIDS) ? readdirSync(PIDS).filter((name) => livingPid(name) !== undefined) : [];
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, POLL));
}

/**
 * Polls until `met` says nothing is missing.
 *
 * @param met what is missing, or undefined
 * @throws Failure with what was missing last, and the last lines of the program that it depends on
 */
export async function until(
  what: string,
  seconds: number,
  met: () => Promise<string | undefined>,
  log?: string,
): Promise<void> {
  const deadline = Date.now() + seconds * 1_000;
  for (;;) {
    const missing = await met();
    if (missing === undefined) return;
    if (Date.now() > deadline) {
      const file = log === undefined ? undefined : join(LOGS, `${log}.log`);
      const lines = file && existsSync(file) ? readFileSync(file, "utf8").trim().split("\n").slice(-10) : [];
      throw new Failure([`${what}: ${missing} (after ${seconds} s)`, ...lines].join("\n"));
    }
    await pause();
  }
}
