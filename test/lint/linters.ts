import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CACHE, ROOT } from "../../tools/layout.ts";
import { mustRun, type Result, run } from "../../tools/process.ts";
import { canInstallPackages, installPackages } from "../../tools/setup/debian.ts";
import { placeFolder } from "../../tools/setup/place.ts";
import { Progress, type Step } from "../../tools/setup/progress.ts";

const REQUIREMENTS = join(import.meta.dirname, "requirements.txt");

const digest = createHash("sha256").update(readFileSync(REQUIREMENTS)).digest("hex").slice(0, 12);

/** An environment of Python's own for all clones, made anew where the requirements change. */
const ENVIRONMENT = join(CACHE, `lint-${digest}`);
const PYTHON = join(ENVIRONMENT, "bin/python");

/** Brings the linters there once for all clones. */
export default async function setup(): Promise<void> {
  if (existsSync(PYTHON)) return;
  await new Progress().step("linters of pipelines and manifests", async (step) => {
    await ensurePython(step);
    await placeFolder(ENVIRONMENT, async (part) => {
      await mustRun("python3", ["-m", "venv", part]);
      const install = ["-m", "pip", "install", "--no-cache-dir", "--requirement", REQUIREMENTS];
      await mustRun(join(part, "bin/python"), install, { onLine: step.line });
    });
  });
}

/** Debian keeps the module that makes environments in a package of its own. */
async function ensurePython(step: Step): Promise<void> {
  if ((await run("python3", ["-c", "import venv, ensurepip"])).code === 0) return;
  if (!canInstallPackages())
    throw new Error(
      "These tests need Python 3 with its modules venv and ensurepip; install them and repeat.",
    );
  await installPackages(step, ["python3-venv"]);
}

/** Runs a linter that is a program of its own, no module. */
export function lintProgram(
  name: "hadolint" | "squawk",
  args: readonly string[],
  cwd = ROOT,
): Promise<Result> {
  return run(join(ENVIRONMENT, "bin", name), args, { cwd });
}

/** Runs schemathesis, which keeps notes in `cwd`; its script is handed to the interpreter for the reason that `lint` has. */
export function schemathesis(args: readonly string[], cwd: string, timeout: number): Promise<Result> {
  return run(PYTHON, [join(ENVIRONMENT, "bin/schemathesis"), ...args], { cwd, timeout });
}

/**
 * Runs a linter over files of the project. As a module: the programs beside the interpreter name the folder that they were
 * installed in first.
 */
export function lint(module: string, args: readonly string[], cwd = ROOT): Promise<Result> {
  return run(PYTHON, ["-m", module, ...args], { cwd });
}
