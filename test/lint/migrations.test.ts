import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ROOT } from "../../tools/layout.ts";
import { lintProgram } from "./linters.ts";

/** Rules that a migration does not follow, by file or for all of them (`*`), each with its reason. */
const EXCEPTIONS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "*": {
    "require-lock-timeout": "the role that migrates has one, 10 s, in config/postgres/roles.sql",
    "require-statement-timeout":
      "index builds on a filled ledger take as long as they take; the job that migrates ends after an hour",
  },
  "000_create_users_table.sql": {
    "prefer-bigint-over-smallint": "a generation of the key: one more at each rotation",
  },
  "001_initial_schema.sql": {
    "prefer-bigint-over-int": "counts the transactions of one block",
    "prefer-bigint-over-smallint": "one of three values, in every row of the largest table",
  },
  "003_database_optimization.sql": {
    "require-concurrent-index-creation":
      "runs on empty tables; on filled ones the migration's runner builds the same indexes concurrently, by partition",
  },
  "009_foreign_changes.sql": {
    "ban-drop-function": "it comes back with another signature in the same transaction",
  },
  "010_upkeep.sql": { "ban-drop-function": "it comes back with another signature in the same transaction" },
};

interface Finding {
  readonly file: string;
  readonly line: number;
  readonly rule_name: string;
  readonly message: string;
}

const FOLDER = "migrations";
const files = readdirSync(join(ROOT, FOLDER)).filter((name) => name.endsWith(".sql"));

describe("squawk", () => {
  it("finds nothing in any migration but the exceptions, and each of those", async () => {
    expect(files.length).toBeGreaterThanOrEqual(13);
    // Each file is one transaction of the runner's, and the server is of this release.
    const options = ["--reporter", "json", "--assume-in-transaction", "--pg-version", "17"];
    const { stdout, stderr } = await lintProgram("squawk", [
      ...options,
      ...files.map((name) => join(FOLDER, name)),
    ]);
    const findings = JSON.parse(stdout || "null") as readonly Finding[] | null;
    if (findings === null) throw new Error(`squawk said nothing: ${stderr}`);
    const met = new Set<string>();
    const unexplained = findings.filter(({ file, rule_name: rule }) => {
      const name = file.slice(FOLDER.length + 1);
      const where = [name, "*"].find((key) => rule in (EXCEPTIONS[key] ?? {}));
      if (where !== undefined) met.add(`${where} ${rule}`);
      return where === undefined;
    });
    expect(
      unexplained.map(({ file, line, rule_name, message }) => `${file}:${line} ${rule_name}: ${message}`),
    ).toEqual([]);
    const all = Object.entries(EXCEPTIONS).flatMap(([key, rules]) =>
      Object.keys(rules).map((rule) => `${key} ${rule}`),
    );
    expect([...met].sort()).toEqual(all.sort());
  });
});
