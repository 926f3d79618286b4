import type { TestProject } from "vitest/node";
import { run } from "../../tools/process.ts";
import { canInstallPackages, installPackages } from "../../tools/setup/debian.ts";
import { Progress } from "../../tools/setup/progress.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** A Chromium that runs, or why there is none. */
    browser: { readonly program: string } | { readonly missing: string };
  }
}

const NAMES = ["chromium", "chromium-browser", "google-chrome"];

async function findBrowser(): Promise<string | undefined> {
  // Some distributions install a program of this name that only tells where to get the real one.
  for (const name of NAMES) if ((await run(name, ["--version"], { timeout: 20_000 })).code === 0) return name;
  return undefined;
}

/**
 * Finds a Chromium, or installs Debian's where that can be done without asking. Where it can not, the browser's tests count as
 * skipped and say why: a laptop without one is no fault of the project.
 */
export default async function setup(project: TestProject): Promise<void> {
  let program = await findBrowser();
  let missing =
    "No Chromium was found, and this user may not install one (Debian, as root: apt-get install chromium).";
  if (!program && canInstallPackages())
    try {
      await new Progress().step("browser", (step) =>
        installPackages(step, ["chromium", "fonts-dejavu-core"]),
      );
      program = await findBrowser();
      missing = "Chromium was installed, and does not run.";
    } catch (error) {
      missing = `Chromium could not be installed: ${(error as Error).message}`;
    }
  if (!program) console.warn(`The browser's tests are skipped. ${missing}`);
  project.provide("browser", program ? { program } : { missing });
}
