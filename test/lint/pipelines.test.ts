import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { ROOT } from "../../tools/layout.ts";
import { lint } from "./linters.ts";

const WORKFLOWS = ".github/workflows";
const workflows = readdirSync(join(ROOT, WORKFLOWS));

interface Step {
  readonly run?: string;
  readonly uses?: string;
}
interface Workflow {
  readonly jobs: Record<string, { readonly steps: readonly Step[] }>;
}

const read = (path: string) => parse(readFileSync(join(ROOT, path), "utf8"));

const steps: readonly Step[] = [
  ...workflows.flatMap((name) =>
    Object.values((read(`${WORKFLOWS}/${name}`) as Workflow).jobs).flatMap((job) => job.steps),
  ),
  ...(read(".github/actions/prepare/action.yml") as { runs: { steps: readonly Step[] } }).runs.steps,
];

/** Commands of either pipeline, as a person would type them. */
const github = steps.flatMap(({ run }) => run?.split("\n") ?? []);
const gitlab = Object.values(
  read(".gitlab-ci.yml") as Record<string, { script?: readonly string[] }>,
).flatMap(({ script }) => script ?? []);

const npmScripts = Object.keys(JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")).scripts);

describe("the pipelines", () => {
  it("are what GitHub and GitLab take", async () => {
    for (const [schema, files] of [
      ["vendor.github-workflows", workflows.map((name) => `${WORKFLOWS}/${name}`)],
      ["vendor.github-actions", [".github/actions/prepare/action.yml"]],
      ["vendor.gitlab-ci", [".gitlab-ci.yml"]],
    ] as const) {
      const { code, stdout, stderr } = await lint("check_jsonschema", ["--builtin-schema", schema, ...files]);
      expect(code, stdout + stderr).toBe(0);
    }
  });

  it("name no step of others by a tag that may move", () => {
    const foreign = steps.flatMap(({ uses }) => (uses && !uses.startsWith("./") ? uses : []));
    expect(foreign.length).toBeGreaterThan(0);
    expect(foreign.filter((uses) => !/@[0-9a-f]{40}$/.test(uses))).toEqual([]);
  });

  it.each([
    ["GitHub", github],
    ["GitLab", gitlab],
  ])("of %s call the npm scripts that a person calls", (_, commands) => {
    const called = commands.flatMap((line) => /^npm run (\S+)/.exec(line.trim())?.[1] ?? []);
    expect(new Set(called)).toEqual(new Set(["preview", "up"]));
    expect(npmScripts).toEqual(expect.arrayContaining(called));
    expect(commands.some((line) => line.includes("bash .ci/run"))).toBe(true);
  });
});
