import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { run } from "../../tools/process.ts";

const CHECK = resolve(import.meta.dirname, "../../infra/images/redis/bin/member-health");
const folder = mkdtempSync(join(tmpdir(), "dujyo-health-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** The check's exit code where the member's client prints these lines. */
async function health(lines: readonly string[]): Promise<number> {
  const text = lines.map((line) => `echo '${line}'\n`).join("");
  writeFileSync(join(folder, "redis-cli"), `#!/bin/sh\ncat >/dev/null\n${text}`, { mode: 0o755 });
  const PATH = `${folder}${delimiter}${process.env.PATH}`;
  return (await run("/bin/sh", [CHECK], { env: { PATH } })).code;
}

describe("the health of a Redis member", () => {
  // As redis-cli prints them: an empty line after each error.
  it.each([
    ["answers", ["OK", "PONG"], 0],
    ["loads its data", ["OK", "LOADING Redis is loading the dataset in memory", ""], 0],
    [
      "waits for its primary",
      ["OK", "MASTERDOWN Link with MASTER is down and replica-serve-stale-data", ""],
      0,
    ],
    ["runs a long script", ["OK", "BUSY Redis is busy running a script.", ""], 0],
    ["says nothing", [], 1],
    ["knows no such user", ["WRONGPASS invalid username-password pair", "", "NOAUTH", ""], 1],
  ])("of one that %s", async (_, lines, code) => {
    expect(await health(lines)).toBe(code);
  });
});
