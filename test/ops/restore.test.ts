import { describe, expect, it } from "vitest";
import { readTarget } from "../../ops/restore/target.ts";

const now = new Date("2026-01-31T12:00:00Z");
const read = (options: Parameters<typeof readTarget>[0]) => readTarget(options, now);

describe("where a restore ends", () => {
  it("is a moment, with the digits that were typed", () => {
    expect(read({ toTime: "2026-01-31T08:15:00.123456Z" }).options).toEqual([
      "--type=time",
      "--target=2026-01-31 08:15:00.123456+00",
      "--target-action=promote",
    ]);
    expect(read({ toTime: "2026-01-31T09:15:00+01:00" }).options).toContain(
      "--target=2026-01-31 09:15:00+01:00",
    );
  });

  it("is a position, or the end of what is archived, along a timeline", () => {
    expect(read({ toLsn: "0/1A2B3C4D", timeline: "2" }).options).toEqual([
      "--type=lsn",
      "--target=0/1A2B3C4D",
      "--target-action=promote",
      "--target-timeline=2",
    ]);
    expect(read({ latest: true }).options).toEqual([]);
    expect(read({ latest: true, timeline: "2" }).options).toEqual(["--type=default", "--target-timeline=2"]);
  });

  it.each([
    [{}, /one of --to-time <time>, --to-lsn <position>, --latest/],
    [{ latest: true, toLsn: "0/1" }, /one of/],
    [{ toTime: "2026-01-31 08:15" }, /a time with its zone, such as/],
    [{ toTime: "2026-13-31T08:15:00Z" }, /a time with its zone, such as/],
    [{ toTime: "2026-01-31T12:00:01Z" }, /yet to come; it is 2026-01-31T12:00:00.000Z/],
    [{ toLsn: "1A2B3C4D" }, /a position in the log, such as/],
    [{ latest: true, timeline: "0" }, /a whole number from 1/],
  ])("is refused where it can not be meant: %j", (options, reason) => {
    expect(() => read(options)).toThrow(reason);
  });
});
