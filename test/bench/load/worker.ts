import { join } from "node:path";
import { mustRun } from "../../../tools/process.ts";
import type { Sample, Variant } from "../comparison.ts";
import { MEASURED_CORE } from "../processes.ts";

/** A program of `workers/` that measures itself, in a process of its own on the measured core. */
export function worker(name: string, program: string, env: Readonly<Record<string, string>>): Variant {
  return {
    name,
    async measure(seconds): Promise<Sample> {
      const path = join(import.meta.dirname, "../workers", program);
      const args = ["-c", MEASURED_CORE, process.execPath, path, String(seconds)];
      const output = await mustRun("taskset", args, {
        env: { NODE_ENV: "production", ...env },
        timeout: (seconds + 30) * 1_000,
      });
      return JSON.parse(/^FIGURES (.*)$/m.exec(output)?.[1] ?? "") as Sample;
    },
  };
}
