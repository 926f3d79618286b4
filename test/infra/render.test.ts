import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { render } from "../../infra/lib/render.ts";

const CONFIG = join(import.meta.dirname, "../../config");

describe("templates", () => {
  it("name the holes without a value and the values without a hole", () => {
    expect(() => render("pgbouncer/userlist.txt", { nonsense: 1 })).toThrow(
      "config/pgbouncer/userlist.txt has no value for [monitoringPassword] and no hole for [nonsense]",
    );
  });

  it("are filled", () => {
    expect(render("pgbouncer/userlist.txt", { monitoringPassword: "y" })).toContain('\n"monitoring" "y"\n');
  });

  it("hold no secret of their own", () => {
    const files = readdirSync(CONFIG, { recursive: true, encoding: "utf8", withFileTypes: true }).filter(
      (entry) => entry.isFile(),
    );
    expect(files.length).toBeGreaterThan(8);
    for (const entry of files) {
      const text = readFileSync(join(entry.parentPath, entry.name), "utf8");
      expect(text, entry.name).not.toMatch(/password\s*[:=]\s*['"]?(?!\{\{)[A-Za-z0-9_-]{8,}['"]?\s*$/im);
    }
  });
});
