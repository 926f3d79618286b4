import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ROOT } from "../../../tools/layout.ts";
import { KNEE } from "../comparisons/whole-stack.ts";
import type { Round } from "../interleave.ts";
import { type Result, readResult } from "../report.ts";
import { capacityOf, need } from "./figures.ts";
import { capacityFiles } from "./files.ts";

const rounds = (...knees: number[]): Round[] =>
  knees.map((perSecond, at) => ({ at, samples: { [KNEE.mixed]: { perSecond } } }));

describe("capacity", () => {
  it("is the median knee with writes, two figures of it, rounded down", () => {
    expect(capacityOf({ rounds: rounds(9_000, 6_480, 1_000) })).toEqual({ requestsPerProcess: 6_400 });
    expect(capacityOf({ rounds: rounds(12_990) })).toEqual({ requestsPerProcess: 12_000 });
  });

  it("of a million daily users is 230 writes a second, and a process more than 70 % of the knee asks for", () => {
    const usage = { accounts: 10_000_000, dailyUsers: 1_000_000 };
    const needed = need(usage, { requestsPerProcess: 2_000 });
    expect(Math.round(needed.writesPerSecond)).toBe(231);
    expect(Math.round(needed.requestsPerSecond)).toBe(4_630);
    // 4,630 / 1,400 is 3.3.
    expect(needed.processes).toBe(5);
    // 10 million accounts and 1.46 thousand million transfers.
    expect(Math.round(needed.bytes / 1e9)).toBe(2_051);
  });

  it("stands in the alert, in its file and on its page as the committed run has it", () => {
    const result = readResult("p9") as Result;
    const files = capacityFiles(result);
    for (const [path, text] of Object.entries(files))
      expect(readFileSync(join(ROOT, path), "utf8"), `${path}: run "npm run bench -- p9"`).toBe(text);
    expect(files["config/prometheus/rules/api.yml"]).toContain(
      `> 0.7 * ${capacityOf(result).requestsPerProcess}\n`,
    );
  });
});
