import { describe, expect, it } from "vitest";
import { memoryFigures } from "./soak.ts";

describe("memory over time", () => {
  it("that fills its caches first and then stays has not grown", () => {
    const seen = [50, 100, 150, 150, 150, 150, 151, 149, 150, 150];
    expect(memoryFigures(seen)).toEqual({ rssMiB: 151, rssGrowth: 1 });
  });

  it("that leaks has grown by the end", () => {
    const seen = Array.from({ length: 100 }, (_, second) => 100 + second);
    expect(memoryFigures(seen)).toMatchObject({ rssMiB: 199 });
    expect(memoryFigures(seen).rssGrowth).toBeCloseTo(189.5 / 129.5);
  });
});
