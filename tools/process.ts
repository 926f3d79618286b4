import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { constants } from "node:os";
import { explain, meansFullDisk, type PackageKind } from "./causes.mjs";
import { Failure } from "./failure.ts";

export interface RunOptions {
  readonly cwd?: string;
  /** Added to this process's environment. */
  readonly env?: Record<string, string | undefined>;
  /** Written to standard input, which is closed after it. */
  readonly input?: string;
  /** Milliseconds after which the child is killed. @default no limit */
  readonly timeout?: number;
  /** Called for each line of either stream. */
  readonly onLine?: (line: string) => void;
  /** Whether the result leaves the output out, for a child that goes on for long. @default false */
  readonly discard?: boolean;
  /** File that gets all output of the child; an older one is overwritten. */
  readonly logFile?: string;
  /** What the child fetches from registries, for the explanation where they do not answer. @default nothing */
  readonly fetches?: readonly PackageKind[];
}

export interface Result {
  /** Exit code; 128 + signal number where a signal ended it, 127 where the program was not found. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
}

/** Lines of output that an error repeats. */
const LINES_IN_ERROR = 15;

const running = new Set<ChildProcess>();
let stopping: NodeJS.Signals | undefined;

/** A signal that comes to this process alone goes on to its children, so that none of them works on without it. */
function passOn(signal: NodeJS.Signals): void {
  stopping ??= signal;
  // The terminal's Ctrl-C has reached the whole group already.
  if (signal !== "SIGINT" || !process.stdin.isTTY) for (const child of running) child.kill(signal);
  if (running.size === 0) process.exit(128 + constants.signals[signal]);
}
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => passOn(signal));

/** For a program that goes on when this one ends. A folder for temporary files that was named to this run may end with it. */
export function lastingEnvironment(): NodeJS.ProcessEnv {
  const { TMPDIR: _, ...environment } = process.env;
  return environment;
}

/** Runs a program to its end, whatever its exit code. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Result> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
    });
    running.add(child);
    const log = options.logFile === undefined ? undefined : openSync(options.logFile, "w", 0o600);
    const streams = { stdout: "", stderr: "" };
    let timedOut = false;
    const read = (name: "stdout" | "stderr") => {
      let rest = "";
      child[name]?.setEncoding("utf8").on("data", (chunk: string) => {
        if (!options.discard) streams[name] += chunk;
        if (log !== undefined) writeSync(log, chunk);
        if (!options.onLine) return;
        const lines = (rest + chunk).split(/\r?\n|\r/);
        rest = lines.pop() ?? "";
        for (const line of lines) if (line.trim() !== "") options.onLine(line);
      });
    };
    read("stdout");
    read("stderr");
    const timer = options.timeout
      ? setTimeout(() => {
          timedOut = true;
          child.kill("SIGKILL");
        }, options.timeout)
      : undefined;
    const finish = (code: number) => {
      if (!running.delete(child)) return;
      clearTimeout(timer);
      if (log !== undefined) closeSync(log);
      if (stopping && running.size === 0) process.exit(128 + constants.signals[stopping]);
      resolve({ code, ...streams, timedOut });
    };
    child.on("error", (error) => {
      streams.stderr += error.message;
      finish(127);
    });
    child.on("close", (code, signal) => finish(code ?? 128 + (signal ? constants.signals[signal] : 0)));
    // A child that ends without reading its input is judged by its exit code.
    child.stdin?.on("error", () => undefined);
    if (options.input !== undefined) child.stdin?.end(options.input);
  });
}

/**
 * Runs a program and returns what it wrote to standard output.
 *
 * @throws Failure with the program's last lines where the exit code is not 0
 */
export async function mustRun(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const result = await run(command, args, options);
  if (result.code !== 0) throw new Failure(describeFailure([command, ...args].join(" "), result, options));
  return result.stdout;
}

/** What to tell about a program that failed: how it ended, its last lines, the cause where it is known, where the rest is. */
export function describeFailure(what: string, result: Result, options: RunOptions = {}): string {
  const how = result.timedOut
    ? `did not end within ${Math.round((options.timeout ?? 0) / 1000)} s`
    : result.code === 127
      ? "could not be started"
      : `failed with exit code ${result.code}`;
  const text = `${result.stdout}\n${result.stderr}`;
  const output = text.split("\n").filter((line) => line.trim() !== "");
  const cause = explain(text, options.fetches) ?? [];
  const log = options.logFile ? [`All output: ${options.logFile}`] : [];
  return [`${what} ${how}.`, ...output.slice(-LINES_IN_ERROR), ...log].concat(cause).join("\n");
}

/**
 * Ends a step whose official way failed for want of room: the fallback would need more of it.
 *
 * @throws Failure where the result tells of a full disk
 */
export function refuseFullDisk(what: string, result: Result): void {
  if (meansFullDisk(result.stdout + result.stderr)) throw new Failure(describeFailure(what, result));
}

/** Whether a process with this number lives on this machine; one that only waits to be collected does not. */
export function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  return kernelFacts(pid)?.[0] !== "Z";
}

/** When a process began, in clock ticks since the machine's start; undefined where the system has no /proc. */
export function startOf(pid: number): string | undefined {
  return kernelFacts(pid)?.[19];
}

/** Fields of /proc/<pid>/stat from the third, the state, on; the second, a name in brackets, may hold anything. */
function kernelFacts(pid: number): string[] | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ");
  } catch {
    return undefined;
  }
}
