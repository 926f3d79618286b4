import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { mustRun } from "../../../tools/process.ts";
import type { Sample } from "../comparison.ts";
import { endedChildrenCpuSeconds, GENERATOR_CORE, type MeasuredProcess } from "../processes.ts";

/** Keep-alive connections, each with one request at a time: enough to keep one process busy, few enough that it does not refuse. */
export const CONNECTIONS = 64;

export interface WrkArgs {
  readonly port: number;
  /** Asked for in this order, over and over. */
  readonly paths: readonly string[];
  /** Whose CPU time is counted. */
  readonly server: MeasuredProcess;
  /** For files of this run. */
  readonly folder: string;
  readonly seconds: number;
}

/**
 * Loads a server as fast as it answers.
 *
 * @throws Error where any answer was no success: such a figure would be one of refusals
 */
export async function wrk({ port, paths, server, folder, seconds }: WrkArgs): Promise<Sample> {
  const file = join(folder, "paths");
  writeFileSync(file, `${paths.join("\n")}\n`);
  const before = { server: server.cpuSeconds, generator: endedChildrenCpuSeconds() };
  const script = join(import.meta.dirname, "wrk.lua");
  const output = await mustRun(
    "taskset",
    ["-c", GENERATOR_CORE, "wrk", "-t1", `-c${CONNECTIONS}`, `-d${seconds}s`, "--timeout", "30s"].concat(
      "--latency",
      "-s",
      script,
      `http://127.0.0.1:${port}`,
    ),
    { env: { BENCH_PATHS: file }, timeout: (seconds + 30) * 1_000 },
  );
  const cpu = server.cpuSeconds - before.server;
  const { requests, micros, errors, p50, p99 } = JSON.parse(/^FIGURES (.*)$/m.exec(output)?.[1] ?? "{}");
  if (!(requests > 0) || errors > 0)
    throw new Error(`wrk saw ${errors} errors in ${requests} requests to port ${port}`);
  return {
    perSecond: (requests / micros) * 1e6,
    cpuMicros: (cpu * 1e6) / requests,
    generatorShare: ((endedChildrenCpuSeconds() - before.generator) * 1e6) / micros,
    p50,
    p99,
  };
}
