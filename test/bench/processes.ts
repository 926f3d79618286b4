import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { availableParallelism } from "node:os";

/** Clock ticks of /proc/<pid>/stat in a second, on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** The measured process has a core of its own, the generator of the load another one. */
export const MEASURED_CORE = "0";
export const GENERATOR_CORE = "1";
export const ALL_CORES = `0-${availableParallelism() - 1}`;

/** However this process ends, they do. */
const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** A process that is measured, on the measured core. */
export class MeasuredProcess {
  readonly #child: ChildProcess;
  readonly #name: string;
  #output = "";

  constructor(name: string, args: readonly string[], env: Readonly<Record<string, string>>) {
    this.#name = name;
    this.#child = spawn("taskset", ["-c", MEASURED_CORE, process.execPath, ...args], {
      env: { ...process.env, NODE_ENV: "production", ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    running.add(this.#child);
    this.#child.once("exit", () => running.delete(this.#child));
    const keep = (chunk: unknown): void => {
      this.#output = (this.#output + String(chunk)).slice(-4_000);
    };
    this.#child.stdout?.on("data", keep);
    this.#child.stderr?.on("data", keep);
  }

  /** Seconds of CPU used so far. */
  get cpuSeconds(): number {
    const [utime, stime] = statFields(String(this.#child.pid)).slice(11, 13).map(Number) as [number, number];
    return (utime + stime) / TICKS_PER_SECOND;
  }

  /** Waits until the condition holds. @throws Error with the last output after a minute, or when the process has ended */
  async until(condition: () => Promise<boolean>): Promise<void> {
    const deadline = Date.now() + 60_000;
    for (;;) {
      if (await condition().catch(() => false)) return;
      if (this.#child.exitCode !== null || Date.now() > deadline)
        throw new Error(`${this.#name} does not come up: ${this.#output}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill("SIGKILL");
    await once(this.#child, "exit");
  }
}

/** Seconds of CPU that ended children of this process have used: read before and after, those of a load generator. */
export function endedChildrenCpuSeconds(): number {
  const [user, system] = statFields("self").slice(13, 15).map(Number) as [number, number];
  return (user + system) / TICKS_PER_SECOND;
}

/** Fields of /proc/<pid>/stat from the third on; the second, a name in brackets, may hold anything. */
function statFields(pid: string): string[] {
  return readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
}

/** Below what the kernel gives to connections, which would take a port away between its choice and its use. */
let nextPort = 27_000;

/** A port of the loopback interface that nobody listens on, and that is given out once. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = nextPort++;
    const server = createServer();
    const free = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
    });
    if (free) return port;
  }
}
