import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { SourceMap, type SourceMapPayload } from "node:module";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { mustRun } from "../../../tools/process.ts";

const SERVICE = join(import.meta.dirname, "../../../service");

describe("the bundled service", () => {
  let folder: string;
  let program: string;
  let map: SourceMapPayload;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "dujyo-bundle-"));
    await mustRun(process.execPath, [join(SERVICE, "build.mjs"), folder]);
    program = readFileSync(join(folder, "server.mjs"), "utf8");
    map = JSON.parse(readFileSync(join(folder, "server.mjs.map"), "utf8")) as SourceMapPayload;
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  /** File and line, from 1, that a trace tells for where the text stands in the bundle. */
  const traced = (text: string) => {
    const before = program.slice(0, program.indexOf(text)).split("\n");
    const found = new SourceMap(map).findEntry(before.length - 1, before.at(-1)?.length ?? 0);
    if (!("originalSource" in found)) throw new Error(`no place is known for ${text}`);
    return { file: basename(found.originalSource), line: found.originalLine + 1 };
  };

  it("tells the lines of its own files", () => {
    for (const [file, text] of [
      ["cache/read-through.ts", "too many reads wait for their answers"],
      ["database/pools.ts", "too many requests wait for the database"],
    ] as const) {
      const lines = readFileSync(join(SERVICE, "src", file), "utf8").split("\n");
      const line = lines.findIndex((each) => each.includes(text)) + 1;
      expect(traced(text)).toEqual({ file: basename(file), line });
    }
  });

  it("tells no more places than there are lines, which the process would keep", () => {
    const places = map.mappings.split(/[;,]/).filter((place) => place !== "").length;
    expect(places).toBeGreaterThan(2_000);
    expect(places).toBeLessThan(20_000);
  });
});
