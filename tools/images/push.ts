import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { IMAGE_NAMES, type ImageName, imageRef } from "../../infra/images.ts";
import { registryRef } from "../../infra/targets/kubernetes/image-reference.ts";
import { Failure } from "../failure.ts";
import { describeFailure, mustRun, run } from "../process.ts";
import { ensureBaseImage } from "../setup/base-image.ts";
import { ensureDockerEngine } from "../setup/docker-engine.ts";
import type { Progress, Step } from "../setup/progress.ts";
import { ensureProjectImages } from "../setup/project-images.ts";
import { withDigests } from "./pushed.ts";

/** The cluster's own interface is the store there. */
const NOT_ON_KUBERNETES: ReadonlySet<ImageName> = new Set(["etcd"]);

/** Builds the images that have changed. */
export async function buildImages(progress: Progress): Promise<void> {
  await progress.step("Docker engine", ensureDockerEngine);
  await progress.step("base image", ensureBaseImage);
  await ensureProjectImages(progress);
}

export interface PushArgs {
  readonly stack: string;
  /** Host and path. */
  readonly registry: string;
  /** Folder of the stack file. */
  readonly root: string;
  /** @default all that pods run */
  readonly names?: readonly ImageName[];
}

/**
 * Pushes the images of a stack on Kubernetes and notes tags and digests in its stack file. Credentials are those of
 * `docker login`.
 *
 * @throws Failure where the registry refuses or does not answer
 */
export async function pushImages(
  progress: Progress,
  { stack, registry, root, names = IMAGE_NAMES }: PushArgs,
): Promise<void> {
  if (registry === "")
    throw new Failure(
      `Stack "${stack}" names no registry; set dujyo:kubernetes.registry in Pulumi.${stack}.yaml, for example "registry.example".`,
    );
  await buildImages(progress);
  const digests: Record<string, string> = {};
  for (const name of names) {
    if (NOT_ON_KUBERNETES.has(name) || !(await isBuilt(name))) continue;
    await progress.step(`push ${name}`, async (step) => {
      digests[name] = await push(step, name, registry);
    });
  }
  const file = join(root, `Pulumi.${stack}.yaml`);
  writeFileSync(file, withDigests(readFileSync(file, "utf8"), digests));
}

/** One that only a registry serves the base of may be missing. */
async function isBuilt(name: ImageName): Promise<boolean> {
  return (await run("docker", ["image", "inspect", imageRef(name)])).code === 0;
}

async function push(step: Step, name: ImageName, registry: string): Promise<string> {
  const reference = registryRef(name, registry);
  await mustRun("docker", ["tag", imageRef(name), reference]);
  const result = await run("docker", ["push", reference], { onLine: step.line });
  if (result.code !== 0) throw new Failure(refusal(reference, registry, result));
  const pushed = await mustRun("docker", [
    "image",
    "inspect",
    "--format",
    "{{json .RepoDigests}}",
    reference,
  ]);
  const repository = reference.slice(0, reference.lastIndexOf(":"));
  const found = (JSON.parse(pushed) as string[]).find((digest) => digest.startsWith(`${repository}@`));
  if (!found) throw new Error(`bug: ${reference} was pushed and has no digest: ${pushed}`);
  return `${reference.slice(reference.lastIndexOf(":") + 1)}${found.slice(found.indexOf("@"))}`;
}

function refusal(reference: string, registry: string, result: Awaited<ReturnType<typeof run>>): string {
  const said = describeFailure(`docker push ${reference}`, result);
  const host = registry.split("/")[0];
  return /denied|unauthorized|no basic auth|authentication required/i.test(said)
    ? `${said}\nThe registry wants credentials that may push there: docker login ${host}`
    : said;
}
