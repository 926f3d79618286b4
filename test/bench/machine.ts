import { cpus, loadavg, release, totalmem } from "node:os";
import { run } from "../../tools/process.ts";

/** Where a run took place; figures of two machines are compared by their ratios alone. */
export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
}

export function machine(): Machine {
  const processors = cpus();
  return {
    processor: processors[0]?.model.trim() ?? "unknown",
    cores: processors.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
  };
}

/** Processes that ran or waited for a core over the last minute. */
export function load(): number {
  return Number((loadavg()[0] ?? 0).toFixed(2));
}

/** Programs that take part, and what prints their version. */
const PROGRAMS: Readonly<Record<string, readonly string[]>> = {
  wrk: ["wrk", "-v"],
  postgres: ["docker", "exec", "dujyo-bench-postgres-0", "postgres", "--version"],
  pgbouncer: ["docker", "exec", "dujyo-bench-pgbouncer", "pgbouncer", "--version"],
  haproxy: ["docker", "exec", "dujyo-bench-haproxy", "haproxy", "-v"],
  redis: ["docker", "exec", "dujyo-bench-redis-0", "redis-server", "--version"],
};

/** @throws Error where a program tells no version */
export async function versions(): Promise<Record<string, string>> {
  const asked = Object.entries(PROGRAMS).map(async ([name, [command = "", ...args]]) => {
    // wrk ends with an error code after telling its version.
    const { stdout, stderr } = await run(command, args);
    const version = /\d+\.\d+(?:\.\d+)*/.exec(stdout + stderr)?.[0];
    if (version === undefined) throw new Error(`${name} tells no version: ${stdout}${stderr}`);
    return [name, version] as const;
  });
  return { node: process.versions.node, ...Object.fromEntries(await Promise.all(asked)) };
}
