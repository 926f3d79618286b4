import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { CREDENTIALS } from "../../ops/commands/rotate.ts";
import { ROOT } from "../../tools/layout.ts";
import { wholeProgram } from "../support/whole-program.ts";

/** Resources that hold something secret. */
const SECRET =
  /^pulumi-nodejs:dynamic\/secrets:(Password|SecretKey|SigningKey|Certificate|CertificateAuthority)$/;

/** Rows of the table of all credentials: names, `*` for any beginning, and what replaces them. */
function rows(): { readonly names: readonly string[]; readonly replacedBy: string }[] {
  const page = readFileSync(join(ROOT, "docs/operations.md"), "utf8");
  const section = page.split(/^## /m).find((text) => text.startsWith("Credentials\n")) ?? "";
  return [...section.matchAll(/^\| (`.+?) \| (.+?) \| (.+) \|$/gm)].map(
    ([, names = "", , replacedBy = ""]) => ({
      names: Array.from(names.matchAll(/`([^`]+)`/g), ([, name = ""]) => name),
      replacedBy,
    }),
  );
}

const isCalled = (name: string, pattern: string) =>
  pattern.startsWith("*") ? name.endsWith(pattern.slice(1)) : name.replace(/-\d+$/, "") === pattern;

/** Names of what a stack with everything in it makes. */
async function made(): Promise<string[]> {
  const everything = { monitoring: { enabled: true, grafana: true }, backup: { enabled: true } };
  // The one has etcd, the other an image of Grafana wherever this runs.
  const stacks = [
    await wholeProgram("dev", everything),
    await wholeProgram("staging", { ...everything, postgres: { memberPasswords: [1, 2] } }),
  ];
  const names = stacks.flatMap(({ registered }) =>
    registered.filter(({ type }) => SECRET.test(type)).map(({ name }) => name),
  );
  return [...new Set(names)];
}

describe("the table of credentials in docs/operations.md", () => {
  it("has each that the program makes once, and no others", { timeout: 60_000 }, async () => {
    const names = await made();
    const patterns = rows().flatMap((row) => row.names);
    const rowsOf = (name: string) => patterns.filter((pattern) => isCalled(name, pattern));
    expect(names.length).toBeGreaterThan(30);
    expect(names.filter((name) => rowsOf(name).length !== 1)).toEqual([]);
    expect(patterns.filter((pattern) => !names.some((name) => isCalled(name, pattern)))).toEqual([]);
  });

  it("names the command that replaces it, or why none does", () => {
    const answers = rows().map(({ replacedBy }) => replacedBy);
    const rotations = answers.flatMap((answer) => /^`rotate ([\w-]+)`$/.exec(answer)?.[1] ?? []);
    expect(rotations.toSorted()).toEqual(Object.keys(CREDENTIALS).toSorted());
    const others = answers.filter((answer) => !answer.startsWith("`rotate "));
    for (const answer of others) expect(answer).toMatch(/^nothing: .{20}/);
  });
});
