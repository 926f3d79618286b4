import { readFileSync } from "node:fs";
import { join } from "node:path";
import { IMAGE_NAMES, type ImageName, imageRef, imageSources, OPTIONAL_IMAGES } from "../../infra/images.ts";
import { mustRun, refuseFullDisk, run } from "../process.ts";
import { withBuildContext } from "./build-context.ts";
import type { Progress, Step } from "./progress.ts";

const PULL_MINUTES = 5;

/** Builds every project image whose content has changed since it was last built. */
export async function ensureProjectImages(progress: Progress): Promise<void> {
  const present = await presentImages();
  const missing = IMAGE_NAMES.filter((name) => !present.has(imageRef(name)));
  if (missing.length === 0) await progress.step("project images", async (step) => step.origin("cached"));
  for (const name of missing) await progress.step(`image ${name}`, (step) => build(step, name));
}

async function presentImages(): Promise<Set<string>> {
  const format = ["--format", "{{.Repository}}:{{.Tag}}"];
  const result = await run("docker", ["image", "ls", ...format, "--filter", "reference=dujyo/*"]);
  return new Set(result.stdout.split("\n"));
}

/** The engine names an image when all its steps have succeeded, so a build that is cut off leaves nothing to clean. */
async function build(step: Step, name: ImageName): Promise<void> {
  if (OPTIONAL_IMAGES.has(name) && !(await pulled(step, name))) return step.origin("left out");
  await withBuildContext(name, async (folder) => {
    await mustRun("docker", ["build", "--tag", imageRef(name), folder], {
      onLine: step.line,
      fetches: ["Debian packages"],
    });
  });
}

/** Whether the image that `name` starts from is here, or a registry served it. */
async function pulled(step: Step, name: ImageName): Promise<boolean> {
  const dockerfile = readFileSync(join(imageSources(name)[0] as string, "Dockerfile"), "utf8");
  const base = /^FROM (\S+)$/m.exec(dockerfile)?.[1] as string;
  if ((await run("docker", ["image", "inspect", base])).code === 0) return true;
  const pull = await run("docker", ["pull", base], { timeout: PULL_MINUTES * 60_000, onLine: step.line });
  if (pull.code === 0) return true;
  refuseFullDisk(`docker pull ${base}`, pull);
  const reason = pull.timedOut
    ? `not done after ${PULL_MINUTES} minutes`
    : pull.stderr.trim().split("\n").at(-1);
  step.note(`no registry serves ${base} (${reason}); the stack does without`);
  return false;
}
