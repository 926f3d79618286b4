import { join } from "node:path";
import { BASE_IMAGE } from "../../infra/images.ts";
import { Failure } from "../failure.ts";
import { CACHE } from "../layout.ts";
import { mustRun, refuseFullDisk, run } from "../process.ts";
import { canInstallPackages, installPackages } from "./debian.ts";
import { withScratch } from "./place.ts";
import type { Step } from "./progress.ts";

const PULL_MINUTES = 5;
/** Ubuntu does not bring the keys that Debian's packages are signed with. */
const PACKAGES = ["mmdebstrap", "debian-archive-keyring"];

/** Says how the base image came about; only images made here carry it. */
const ORIGIN_LABEL = "io.dujyo.base";

/** The image that all others start from: pulled, or made from Debian's packages where no registry answers. */
export async function ensureBaseImage(step: Step): Promise<void> {
  if ((await run("docker", ["image", "inspect", BASE_IMAGE])).code === 0) return step.origin("cached");
  step.origin("official");
  const pull = await run("docker", ["pull", BASE_IMAGE], {
    timeout: PULL_MINUTES * 60_000,
    onLine: step.line,
  });
  if (pull.code === 0) return;
  refuseFullDisk(`docker pull ${BASE_IMAGE}`, pull);
  step.origin("fallback");
  const reason = pull.timedOut
    ? `not done after ${PULL_MINUTES} minutes`
    : pull.stderr.trim().split("\n").at(-1);
  step.note(`no registry serves ${BASE_IMAGE} (${reason}); making it from Debian packages`);
  await makeFromPackages(step);
}

async function makeFromPackages(step: Step): Promise<void> {
  if (!canInstallPackages())
    throw new Failure(
      `${BASE_IMAGE} can not be pulled, and making it from packages needs root on Debian or Ubuntu. ` +
        `Reach a container registry, or load the image yourself ("docker load"), and repeat.`,
    );
  if ((await run("mmdebstrap", ["--version"])).code !== 0) await installPackages(step, PACKAGES);
  await withScratch(CACHE, "base-image", async (folder) => {
    const archive = join(folder, "base.tar");
    const suite = /:(\w+)/.exec(BASE_IMAGE)?.[1] as string;
    const options = { onLine: step.line };
    const arguments_ = ["--variant=minbase", "--include=ca-certificates", suite, archive];
    await mustRun("mmdebstrap", arguments_, { ...options, fetches: ["Debian packages"] });
    // The name is given when the content is complete; a run that is cut off leaves none.
    const changes = [`LABEL ${ORIGIN_LABEL}=mmdebstrap`, 'CMD ["bash"]'].flatMap((change) => [
      "--change",
      change,
    ]);
    await mustRun("docker", ["import", ...changes, archive, BASE_IMAGE], options);
  });
}
