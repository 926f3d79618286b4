import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { mustRun } from "../../tools/process.ts";

const SCRIPT = join(import.meta.dirname, "../support/evaluate-program.ts");

/** The same program does the same work each time: what differs is what the machine added, so the least of them is the program's. */
const EVALUATIONS = 4;

interface Evaluation {
  readonly resources: number;
  /** Seconds of processor time. */
  readonly program: number;
  /** Seconds of processor time, with the start of Node and the loading of modules. */
  readonly all: number;
}

async function evaluate(stack: string): Promise<Evaluation> {
  const printed = await mustRun(process.execPath, [SCRIPT, stack]);
  return JSON.parse(printed.trim().split("\n").at(-1) ?? "");
}

describe("the program of production", () => {
  it("evaluates within 20 s, and 10 ms for each resource", { timeout: 240_000 }, async () => {
    const evaluations: Evaluation[] = [];
    for (let run = 0; run < EVALUATIONS; run += 1) evaluations.push(await evaluate("prod"));
    console.log(`evaluations of prod, seconds of processor time: ${JSON.stringify(evaluations)}`);
    for (const { resources, all } of evaluations) {
      expect(resources).toBeGreaterThan(150);
      expect(all).toBeLessThan(20);
    }
    const each = evaluations.map(({ program, resources }) => program / resources);
    expect(Math.min(...each)).toBeLessThan(0.01);
  });
});
