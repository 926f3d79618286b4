import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { mustRun } from "../../../tools/process.ts";
import type { Sample } from "../comparison.ts";
import { endedChildrenCpuSeconds, GENERATOR_CORE, type MeasuredProcess } from "../processes.ts";

/** Keep-alive connections, each with one request at a time: enough to keep one process busy, few enough that it does not refuse. */
export const CONNECTIONS = 64;

export interface WrkArgs {
  /** @default "127.0.0.1" */
  readonly address?: string;
  readonly port: number;
  /** Sent in this order, over and over: paths to get, or lines as {@link postLine} writes them. */
  readonly requests: readonly string[];
  /** For files of this run. */
  readonly folder: string;
  readonly seconds: number;
  /** @default {@link CONNECTIONS} */
  readonly connections?: number;
  /** Mean pause of a connection before each request, milliseconds; at random. @default 0 */
  readonly pauseMs?: number;
  /** Whether a refusal with a time to come back (503 with Retry-After) is an answer like others, and no error. @default false */
  readonly countRefusals?: boolean;
}

/** What wrk saw. */
export interface WrkFigures {
  readonly requests: number;
  readonly perSecond: number;
  /** Answers of no success, and connections that failed. */
  readonly errors: number;
  /** Answers that say when to come back, where they are counted. */
  readonly refused: number;
  /** Milliseconds that at most one in a hundred of the other answers took longer than, even if those were the slowest. */
  readonly acceptedP99: number;
  /** Milliseconds. */
  readonly mean: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  /** Share of a core that wrk itself used. */
  readonly generatorShare: number;
}

/** A request with a body, for {@link WrkArgs.requests}. */
export function postLine(path: string, token: string, key: string, body: unknown): string {
  return `POST ${path} ${token} ${key} ${JSON.stringify(body)}`;
}

/** Loads a server; as fast as it answers, unless there are pauses. */
export async function wrk(args: WrkArgs): Promise<WrkFigures> {
  const { address = "127.0.0.1", port, requests, folder, seconds, pauseMs = 0, countRefusals } = args;
  const { connections = CONNECTIONS } = args;
  // Of its own: two may run at once, and requests with tokens are many megabytes.
  const own = mkdtempSync(join(folder, "wrk-"));
  const file = join(own, "requests");
  writeFileSync(file, `${requests.join("\n")}\n`);
  const before = endedChildrenCpuSeconds();
  const env = {
    ...{ BENCH_REQUESTS: file, BENCH_PAUSE_MS: String(pauseMs) },
    ...(countRefusals ? { BENCH_REFUSALS: "1" } : {}),
  };
  const script = join(import.meta.dirname, "wrk.lua");
  const output = await mustRun(
    "taskset",
    ["-c", GENERATOR_CORE, "wrk", "-t1", `-c${connections}`, `-d${seconds}s`, "--timeout", "30s"].concat(
      "--latency",
      "-s",
      script,
      `http://${address}:${port}`,
    ),
    { env, timeout: (seconds + 30) * 1_000 },
  );
  rmSync(own, { recursive: true });
  const printed = JSON.parse(/^FIGURES (.*)$/m.exec(output)?.[1] ?? "{}") as Omit<
    WrkFigures,
    "perSecond" | "generatorShare"
  > & { micros: number };
  const { micros, ...figures } = printed;
  if (!(figures.requests > 0)) throw new Error(`wrk got no answer from port ${port}`);
  return {
    ...figures,
    perSecond: (figures.requests / micros) * 1e6,
    generatorShare: ((endedChildrenCpuSeconds() - before) * 1e6) / micros,
  };
}

/**
 * Loads one process as fast as it answers, and reads its CPU time.
 *
 * @throws Error where any answer was no success: such a figure would be one of refusals
 */
export async function wrkProcess({
  server,
  ...args
}: WrkArgs & { readonly server: MeasuredProcess }): Promise<Sample> {
  const before = server.cpuSeconds;
  const { requests, errors, perSecond, generatorShare, p50, p99 } = await wrk(args);
  const cpu = server.cpuSeconds - before;
  if (errors > 0) throw new Error(`wrk saw ${errors} errors in ${requests} requests to port ${args.port}`);
  return { perSecond, cpuMicros: (cpu * 1e6) / requests, generatorShare, p50, p99 };
}
