import { join } from "node:path";
import { runCommand } from "../../tools/failure.ts";
import { CACHE } from "../../tools/layout.ts";
import { withBuildContext } from "../../tools/setup/build-context.ts";
import { findGo, goBuild } from "../../tools/setup/go-toolchain.ts";
import { placeFolder } from "../../tools/setup/place.ts";
import { Progress, type Step } from "../../tools/setup/progress.ts";

/** Single steps of `npm run up` as a command, for tests that take something away from the process that runs them. */

const STEPS: Record<string, (step: Step, folder: string) => Promise<void>> = {
  /** Builds the Go module in `folder` and places the program in the user's cache, as the engine and its plugins are. */
  async go(step, folder) {
    await placeFolder(join(CACHE, "built"), async (part) => {
      await goBuild(step, await findGo(step), { folder, package: "." }, join(part, "program"));
    });
  },
  /** Puts the build context of the API's image together, in the user's cache. */
  async context() {
    await withBuildContext("api", async () => undefined);
  },
};

const [name, folder] = process.argv.slice(2) as [string, string];
await runCommand(async () => {
  await new Progress().step(name, (step) => (STEPS[name] as (typeof STEPS)[string])(step, folder));
  return 0;
});
