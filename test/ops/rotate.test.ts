import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { parseSettings } from "../../infra/settings/parse.ts";
import { keysAfter } from "../../ops/rotate/numbered-keys.ts";
import { listsOf, refuseSharedPasswords } from "../../ops/rotate/passwords.ts";
import { acceptedKeys, refuseEarlyFinish } from "../../ops/rotate/token-key.ts";
import { withSetting } from "../../tools/stack/settings.ts";

describe("a rotation of numbered keys", () => {
  it("has two steps, and a step that was begun leads to the same keys again", () => {
    expect(keysAfter([1], false)).toEqual([1, 2]);
    expect(keysAfter([1, 2], false)).toEqual([1, 2]);
    expect(keysAfter([1, 2], true)).toEqual([2]);
    expect(keysAfter([2], true)).toEqual([2]);
    expect(keysAfter([2], false)).toEqual([2, 3]);
  });
});

describe("the rotation of the token key", () => {
  it("withdraws no key while its tokens may live, unless that is wanted", () => {
    const created = "2026-01-01T00:00:00Z";
    const finish = (now: string, life = 3_600) => refuseEarlyFinish(created, life, new Date(now));
    expect(() => finish("2026-01-01T01:05:00Z")).toThrow(
      /until 2026-01-01T01:10:00.000Z.*--token-life <seconds>/,
    );
    expect(() => finish("2026-01-01T01:10:00Z")).not.toThrow();
    expect(() => finish("2026-01-01T00:05:00Z", 0)).not.toThrow();
    expect(() => refuseEarlyFinish(undefined, 3_600, new Date())).toThrow(/--token-life 0/);
  });

  it("reads from an instance's metrics how many processes accept which key", () => {
    const metrics = [
      "# TYPE dujyo_api_token_keys gauge",
      'dujyo_api_token_keys{kid="a"} 2',
      'dujyo_api_token_keys{kid="b"} 1',
      "dujyo_api_floors 3",
    ];
    expect(Object.fromEntries(acceptedKeys(metrics.join("\n")))).toEqual({ a: 2, b: 1 });
  });
});

describe("a rotation of numbered passwords", () => {
  it("has the new one made known, then used, and begins where it was cut off", () => {
    const lists = (numbers: number[]) => listsOf(numbers, true, false);
    expect(lists([1])).toEqual([
      [2, 1],
      [1, 2],
    ]);
    expect(lists([2, 1])).toEqual([
      [2, 1],
      [1, 2],
    ]);
    expect(lists([1, 2])).toEqual([[1, 2]]);
    expect(lists([2])).toEqual([
      [3, 2],
      [2, 3],
    ]);
  });

  it("takes the former out when the new one is in use, and not before", () => {
    const lists = (numbers: number[]) => listsOf(numbers, true, true);
    expect(lists([1, 2])).toEqual([[1, 2], [2]]);
    expect(lists([2])).toEqual([[2]]);
    expect(() => lists([2, 1])).toThrow(/Number 2 is not in use yet.*without --finish/);
  });

  it("does all at once where nobody outside may still use the former", () => {
    const lists = (numbers: number[]) => listsOf(numbers, false, false);
    expect(lists([4])).toEqual([[5, 4], [4, 5], [5]]);
    expect(lists([5, 4])).toEqual([[5, 4], [4, 5], [5]]);
    expect(lists([4, 5])).toEqual([[4, 5], [5]]);
  });
});

describe("the passwords of PostgreSQL", () => {
  it("are not rotated while another site of the database has the same", () => {
    const settings = (given: Record<string, unknown>) => ({
      name: "prod",
      settings: parseSettings("prod", given),
    });
    expect(() => refuseSharedPasswords(settings({ target: "kubernetes" }))).not.toThrow();
    const otherSite = { host: "db.eu.example.com", knownAs: "db.us.example.com" };
    expect(() => refuseSharedPasswords(settings({ target: "kubernetes", postgres: { otherSite } }))).toThrow(
      /The other site of the database \(postgres.otherSite.host is db.eu.example.com\) has the same passwords.*Give that site up/,
    );
  });
});

describe("a setting that a command writes", () => {
  const write = (text: string) => withSetting(text, ["api", "tokenKeys"], [1, 2]);

  it("leaves the rest of the file as it is, comments too", () => {
    const file = (keys: string) =>
      [
        "# A stack.",
        "config:",
        "  dujyo:api:",
        "    # Loopback alone.",
        `    adminAuth: false${keys}`,
        "  dujyo:ledger:",
        "    data: dev # invented",
        "",
      ].join("\n");
    expect(write(file(""))).toBe(file("\n    tokenKeys: [1, 2]"));
    expect(write(file("\n    tokenKeys: [1]"))).toBe(file("\n    tokenKeys: [1, 2]"));
  });

  it.each([
    "",
    "config:\n",
    "config: {}\n",
    "config:\n  dujyo:api:\n",
  ])("finds its place in a file without it: %j", (text) => {
    expect(parse(write(text))).toEqual({ config: { "dujyo:api": { tokenKeys: [1, 2] } } });
  });
});
