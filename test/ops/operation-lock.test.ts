import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { prefixPattern } from "../../ops/cache/flush.ts";
import { lockOperation, type Operation } from "../../ops/operation-lock.ts";

describe("the lock of a stack", () => {
  let folder = "";
  const file = () => join(folder, "operation-dev.json");
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "dujyo-lock-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const held = (pid: number): Operation => ({
    ...{ pid, who: "ann@host", command: "ops switchover", since: "2026-01-01T00:00:00Z" },
  });

  it("says who holds it, with what and since when", () => {
    writeFileSync(file(), JSON.stringify(held(process.pid)));
    expect(() => lockOperation("dev", "ops drill", folder)).toThrow(
      `"ops switchover" is at work on the stack "dev" (ann@host, process ${process.pid}, since 2026-01-01T00:00:00Z)`,
    );
  });

  it("is taken over from a process that died, or that left half a file", () => {
    for (const left of [JSON.stringify(held(2 ** 22 + 1)), '{"pid":']) {
      writeFileSync(file(), left);
      lockOperation("dev", "ops drill", folder);
      expect(JSON.parse(readFileSync(file(), "utf8"))).toMatchObject({
        pid: process.pid,
        command: "ops drill",
      });
      rmSync(file());
    }
  });

  it("of one stack leaves another alone", () => {
    writeFileSync(file(), JSON.stringify(held(process.pid)));
    expect(() => lockOperation("light", "ops drill", folder)).not.toThrow();
  });
});

describe("a prefix of keys", () => {
  it("is taken literally", () => {
    expect(prefixPattern("dujyo:{a*b}[?]")).toBe("dujyo:{a\\*b}\\[\\?\\]*");
  });
});
