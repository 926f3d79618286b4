import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { ROOT } from "../../tools/layout.ts";
import { run } from "../../tools/process.ts";
import { STACK } from "./cluster-stack.ts";

/** What the pipelines run, in their order: a change request, a merge, the look at night. */

interface Workflow {
  readonly jobs: Readonly<Record<string, { readonly steps: readonly { readonly run?: string }[] }>>;
}

const REPORT = join(ROOT, "plan.md");
afterAll(() => rmSync(REPORT, { force: true }));

/** Lines of a workflow's first job that call a script of this project, for this cluster's stack. */
function commandsOf(workflow: string): string[] {
  const { jobs } = parse(readFileSync(join(ROOT, ".github/workflows", workflow), "utf8")) as Workflow;
  const [first] = Object.values(jobs);
  return (first?.steps ?? [])
    .flatMap((step) => step.run?.split("\n") ?? [])
    .filter((line) => line.startsWith("npm run "))
    .map((line) => line.replace(/--stack (\$\{\{ matrix\.stack \}\}|staging)/, `--stack ${STACK}`));
}

describe("the pipelines' steps", () => {
  it.each([
    ["of a change request, with the plan as a comment", "preview.yml", ["preview"]],
    ["of a merge", "deploy.yml", ["preview", "up"]],
    ["of the look for drift", "drift.yml", ["preview"]],
  ])("%s pass on a stack that is up", { timeout: 300_000 }, async (_, workflow, scripts) => {
    const commands = commandsOf(workflow);
    expect(commands.map((line) => line.split(" ")[2])).toEqual(scripts);
    for (const line of commands) {
      expect(line).toContain(`--stack ${STACK}`);
      const [program = "", ...args] = line.split(" ");
      const { code, stdout, stderr } = await run(program, args, { cwd: ROOT });
      expect(code, `${line}\n${stdout}\n${stderr}`).toBe(0);
    }
  });

  it("leave the plan as a page", () => {
    expect(existsSync(REPORT)).toBe(true);
    expect(readFileSync(REPORT, "utf8")).toContain(STACK);
  });
});
