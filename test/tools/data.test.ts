import { describe, expect, it } from "vitest";
import { parseSettings } from "../../infra/settings/parse.ts";
import { readSeed, readUntil, refuseRealStack } from "../../tools/data/options.ts";
import { showProgress } from "../../tools/data/progress.ts";
import { Progress } from "../../tools/setup/progress.ts";
import { chooseData } from "../../tools/stack/data.ts";
import { stackFile } from "../support/whole-program.ts";

describe("what goes into an empty ledger", () => {
  const dev = parseSettings("dev", stackFile("dev"));
  const staging = parseSettings("staging", stackFile("staging"));

  it("is what the settings say, unless something else is asked for", () => {
    expect(chooseData("dev", dev)).toBe("dev");
    expect(chooseData("dev", dev, "load")).toBe("load");
    expect(chooseData("dev", dev, "none")).toBe("none");
    expect(chooseData("ci", parseSettings("ci", stackFile("ci")))).toBe("test");
    expect(chooseData("light", parseSettings("light", stackFile("light")))).toBe("dev");
  });

  it("is nothing invented on a stack for real data", () => {
    expect(chooseData("staging", staging)).toBe("none");
    expect(() => chooseData("staging", staging, "test")).toThrow(
      /The stack is staging: .* dev, light, ci, test, bench, and to stacks beside them, such as dev-stock/,
    );
    const named = parseSettings("prod", { ...stackFile("dev"), ledger: { data: "test" } });
    expect(() => chooseData("prod", named)).toThrow(/The stack is prod/);
  });

  it.each(["prod", "staging", "prod-dev", "developers", ""])("%j is refused", (stack) => {
    expect(() => refuseRealStack(stack)).toThrow(/invented data goes only to/);
  });

  it.each(["dev", "dev-stock", "ci-test"])("%s is taken", (stack) => {
    expect(() => refuseRealStack(stack)).not.toThrow();
  });

  it("has seeds that are whole numbers and an end that is a time", () => {
    expect(readSeed("-7")).toBe(-7);
    expect(readUntil("2026-11-23T00:00:00Z").getTime()).toBe(Date.UTC(2026, 10, 23));
    for (const bad of ["x", "", "1.5"]) expect(() => readSeed(bad)).toThrow(`--seed is ${bad}, allowed`);
    for (const bad of ["yesterday", "2020-01-01"])
      expect(() => readUntil(bad)).toThrow(`--until is ${bad}, allowed`);
  });
});

describe("the progress of a load", () => {
  /** What a load writes to a terminal, which is redrawn every second, or to a file. */
  async function written(isTTY: boolean): Promise<string> {
    const chunks: string[] = [];
    const out = { isTTY, columns: 80, write: (text: string) => chunks.push(text) };
    await new Progress(out as unknown as NodeJS.WriteStream).step("data (dev)", async (step) => {
      const progress = showProgress(step);
      progress.task("transactions", 4);
      progress.add(1);
      if (isTTY) await expect.poll(() => chunks.length, { timeout: 5_000 }).toBeGreaterThan(0);
      progress.task("postings", 2);
      progress.done();
    });
    return chunks.join("");
  }

  it("is a bar on a terminal", async () => {
    expect(await written(true)).toContain(`transactions [${"#".repeat(6)}${".".repeat(18)}] 25 %`);
  });

  it("is a line for each task that has ended, also where there is no terminal", async () => {
    expect(await written(false)).toMatch(
      /data \(dev\): transactions: \d+\.\d s\n +data \(dev\): postings: \d+\.\d s\n/,
    );
  });
});
