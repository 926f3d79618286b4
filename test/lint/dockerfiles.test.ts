import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ROOT } from "../../tools/layout.ts";
import { lintProgram } from "./linters.ts";

/** Rules that the project does not follow, each with its reason. */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  DL3008:
    "Debian's archive keeps one version of a package, the one with its fixes: a pinned one is gone with the next",
};

interface Finding {
  readonly file: string;
  readonly line: number;
  readonly code: string;
  readonly message: string;
}

/** Every Dockerfile of the project, those of its tools and tests among them. */
const dockerfiles = ["infra", "service", "tools", "test"].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.split("/").at(-1) === "Dockerfile")
    .map((name) => join(folder, name)),
);

describe("hadolint", () => {
  it("finds nothing in any Dockerfile but the exceptions, and each of those", async () => {
    expect(dockerfiles.length).toBeGreaterThanOrEqual(13);
    const { stdout, stderr } = await lintProgram("hadolint", [
      "--format",
      "json",
      "--no-color",
      ...dockerfiles,
    ]);
    const findings = JSON.parse(stdout || "null") as readonly Finding[] | null;
    if (findings === null) throw new Error(`hadolint said nothing: ${stderr}`);
    const unexplained = findings.filter(({ code }) => !(code in EXCEPTIONS));
    expect(unexplained.map(({ file, line, code, message }) => `${file}:${line} ${code} ${message}`)).toEqual(
      [],
    );
    expect(new Set(findings.map(({ code }) => code))).toEqual(new Set(Object.keys(EXCEPTIONS)));
  });
});
