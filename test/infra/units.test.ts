import { describe, expect, it } from "vitest";
import { bytes, isDuration, isSize, milliseconds, seconds } from "../../infra/lib/units.ts";

describe("sizes", () => {
  it("are binary multiples", () => {
    expect(bytes("512 MB")).toBe(512 * 1024 * 1024);
    expect(bytes("1.5 GB")).toBe(1536 * 1024 * 1024);
  });

  it.each(["5", "5 M", "MB", "-1 MB", "1e3 MB", "5MB"])("refuse %s", (text) => {
    expect(isSize(text)).toBe(false);
    expect(() => bytes(text as never)).toThrow(RangeError);
  });
});

describe("durations", () => {
  it("convert to milliseconds and, rounded up, to seconds", () => {
    expect(milliseconds("2 min")).toBe(120_000);
    expect(seconds("1500 ms")).toBe(2);
  });

  it.each(["30", "30 sec", "s"])("refuse %s", (text) => expect(isDuration(text)).toBe(false));
});
