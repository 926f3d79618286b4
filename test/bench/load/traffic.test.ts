import { describe, expect, it } from "vitest";
import { Random } from "../../../tools/data/random.ts";
import { Traffic, WRITE_EVERY } from "./traffic.ts";

const accounts = Array.from({ length: 100 }, (_, rank) => `A${rank}`);
const traffic = (payers = [{ address: "P0", token: "t0", nonce: 7 }]) =>
  new Traffic({ accounts, payers, random: new Random(1, "traffic") });

/** What a line of a write holds. */
function parsed(line: string) {
  const [, path, token, key, body = ""] = /^POST (\S+) (\S+) (\S+) (.*)$/.exec(line) ?? [];
  return { path, token, key, body: JSON.parse(body) as { from: string; to: string; nonce: number } };
}

describe("traffic", () => {
  it("asks for the first account most, for the second half as often, and for each one some time", () => {
    const asked = new Map<string, number>();
    for (const line of traffic().requests(50_000, false)) {
      const account = line.split("/").at(-1) ?? "";
      asked.set(account, (asked.get(account) ?? 0) + 1);
    }
    const [first = 0, second = 0] = ["A0", "A1"].map((account) => asked.get(account) ?? 0);
    expect(asked.size).toBe(100);
    expect(first / second).toBeGreaterThan(1.8);
    expect(first / second).toBeLessThan(2.2);
  });

  it("reads one history for nine balances", () => {
    const lines = traffic().requests(1_000, false);
    expect(lines.filter((line) => line.startsWith("/transactions/"))).toHaveLength(100);
    expect(lines.filter((line) => line.startsWith("/balance/"))).toHaveLength(900);
  });

  it("writes one request in twenty, each payer in turn with its next number and a key of its own", () => {
    const payers = [
      { address: "P0", token: "t0", nonce: 7 },
      { address: "P1", token: "t1", nonce: 0 },
    ];
    const lines = traffic(payers).requests(4 * WRITE_EVERY, true);
    const writes = lines.filter((line) => line.startsWith("POST ")).map(parsed);
    expect(writes.map(({ path, token, body }) => [path, token, body.from, body.nonce])).toEqual([
      ["/transaction", "t0", "P0", 8],
      ["/transaction", "t1", "P1", 1],
      ["/transaction", "t0", "P0", 9],
      ["/transaction", "t1", "P1", 2],
    ]);
    expect(new Set(writes.map(({ key }) => key)).size).toBe(4);
  });

  it("lets nobody pay to itself", () => {
    const lines = traffic([{ address: "A0", token: "t", nonce: 0 }]).requests(2_000, true);
    for (const line of lines.filter((text) => text.startsWith("POST ")))
      expect(parsed(line).body.to).not.toBe("A0");
  });

  it("is the same for the same source of numbers", () => {
    expect(traffic().requests(100, true)).toEqual(traffic().requests(100, true));
  });
});
