import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { mustRun } from "../../tools/process.ts";

const SCRIPT = join(import.meta.dirname, "../support/evaluate-program.ts");

describe("the program of production", () => {
  it("evaluates within 20 s, and 10 ms for each resource", { timeout: 120_000 }, async () => {
    const printed = await mustRun(process.execPath, [SCRIPT, "prod"]);
    const report = JSON.parse(printed.trim().split("\n").at(-1) ?? "") as {
      readonly resources: number;
      readonly program: number;
      readonly all: number;
    };
    console.log(`evaluation of prod, seconds of processor time: ${JSON.stringify(report)}`);
    expect(report.resources).toBeGreaterThan(150);
    expect(report.all).toBeLessThan(20);
    expect(report.program / report.resources).toBeLessThan(0.01);
  });
});
