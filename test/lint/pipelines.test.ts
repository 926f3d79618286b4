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
interface Matrix {
  readonly stack: readonly string[];
}
interface Workflow {
  readonly jobs: Record<
    string,
    {
      readonly needs?: string;
      readonly strategy?: { readonly matrix: Matrix };
      readonly steps: readonly Step[];
    }
  >;
}
interface GitLabJob {
  readonly stage?: string;
  readonly extends?: string;
  readonly needs?: readonly string[];
  readonly variables?: { readonly STACK?: string };
  readonly parallel?: { readonly matrix: readonly { readonly STACK: readonly string[] }[] };
  readonly script?: readonly string[];
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
const gitlabJobs = read(".gitlab-ci.yml") as Record<string, GitLabJob>;
const gitlab = Object.values(gitlabJobs).flatMap(({ script }) => script ?? []);

/** One job of either, in the same words: when it runs, after what, and what of this project it runs. */
function job(when: string, after: readonly string[], lines: readonly string[], stack = ""): string {
  const ours = lines
    .map((line) => line.replace(/^sudo (--\S+ )*/, "").replace(/\$\{\{ matrix\.stack \}\}|\$STACK/, stack))
    .filter((line) => /^(npm run|bash \.ci\/run)\b/.test(line));
  return [when, ...after.map((name) => `after ${name}`), ...ours].join("; ");
}

function githubJobs(file: string): string[] {
  const when = file.replace(/\.yml$/, "");
  return Object.values((read(`${WORKFLOWS}/${file}`) as Workflow).jobs).flatMap((at) => {
    const lines = at.steps.flatMap(({ run }) => run?.split("\n") ?? []);
    const after = at.needs === undefined ? [] : [at.needs];
    return (at.strategy?.matrix.stack ?? [undefined]).map((stack) => job(when, after, lines, stack));
  });
}

/** Its stages are called as the workflows are, and its jobs there after stage and stack. */
function gitlabJobsInSameWords(): string[] {
  return Object.entries(gitlabJobs).flatMap(([name, given]) => {
    const at = { ...(given.extends === undefined ? {} : gitlabJobs[given.extends]), ...given };
    if (name.startsWith(".") || at.stage === undefined || at.script === undefined) return [];
    const { stage, script } = at;
    const after = (at.needs ?? []).map((other) => other.replace(`${stage}-`, ""));
    const stacks = at.parallel?.matrix.flatMap(({ STACK }) => STACK) ?? [at.variables?.STACK];
    return stacks.map((stack) => job(stage, after, script, stack));
  });
}

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

  it("of GitHub and GitLab run the same for each stack, in the same order", () => {
    const here = workflows.flatMap(githubJobs);
    expect(here).toContain(
      "deploy; after staging; npm run preview -- --stack prod; npm run up -- --stack prod",
    );
    expect(here).toHaveLength(7);
    expect(gitlabJobsInSameWords().sort()).toEqual(here.sort());
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
