import { statfsSync } from "node:fs";
import { Failure } from "../failure.ts";
import { run } from "../process.ts";

/** Whether a program's words mean that a disk is full. */
export function meansFullDisk(text: string): boolean {
  return /no space left on device|ENOSPC|disk quota exceeded/i.test(text);
}

/**
 * Turns a full disk, which builds report in many ways, into one sentence.
 *
 * @param output what the failed program wrote
 * @throws Failure with the free space and the way out, where the disk is full
 */
export async function explainFullDisk(output: string): Promise<void> {
  if (!meansFullDisk(output)) return;
  const root = (await run("docker", ["info", "--format", "{{.DockerRootDir}}"])).stdout.trim() || "/";
  throw new Failure(
    `The disk is full: ${freeSpace(root)} free on the disk of ${root}, where Docker keeps images and volumes. ` +
      'Make room (unused images go with "docker image prune --all", build leftovers with "docker builder prune") and repeat; ' +
      "what is done already is kept.",
  );
}

/** Free bytes of the disk that `path` is on, in words; where the engine is on another machine, that is not known. */
function freeSpace(path: string): string {
  try {
    const { bavail, bsize } = statfsSync(path);
    return `${Math.round((bavail * bsize) / 2 ** 20)} MB`;
  } catch {
    return "nothing";
  }
}
