import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { settingsReference } from "../../infra/settings/reference.ts";

const ROOT = join(import.meta.dirname, "../..");

describe("docs/settings.md", () => {
  it("is what npm run docs writes", () => {
    expect(readFileSync(join(ROOT, "docs/settings.md"), "utf8")).toBe(settingsReference());
  });

  it("explains every setting", () => {
    const rows = settingsReference()
      .split("\n")
      .filter((line) => line.startsWith("| `"));
    expect(rows.length).toBeGreaterThan(25);
    expect(rows.filter((row) => /\|\s*\|$/.test(row))).toEqual([]);
  });
});
