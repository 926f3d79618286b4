import { appendFileSync, cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ImageName, imageRef, imageSources } from "../../infra/images.ts";
import { ROOT } from "../../tools/layout.ts";
import { mustRun, run } from "../../tools/process.ts";
import { STACK } from "./stack-settings.ts";

/** What `npm run up` reads of the project. */
const PARTS = ["infra", "tools", "ops", "config", "service", "migrations"];
const FILES = ["package.json", "package-lock.json", "tsconfig.json", "Pulumi.yaml", `Pulumi.${STACK}.yaml`];

/**
 * `npm run up` on the test stack from a copy of the project, as after a release that changes something.
 *
 * @param change makes the release of the copy
 * @returns what `change` returns
 * @throws Error with what `npm run up` wrote where it fails
 */
async function upFromCopy<T>(change: (copy: string) => T): Promise<T> {
  const copy = mkdtempSync(join(tmpdir(), "dujyo-copy-"));
  try {
    for (const part of [...PARTS, ...FILES])
      cpSync(join(ROOT, part), join(copy, part), {
        recursive: true,
        filter: (source) => !source.includes("node_modules") || source === join(ROOT, part),
      });
    // The state, and the packages, are this clone's.
    for (const shared of [".dujyo", "node_modules"]) symlinkSync(join(ROOT, shared), join(copy, shared));
    const changed = change(copy);
    await mustRun(process.execPath, [join(copy, "tools/up.ts"), "--stack", STACK], {
      cwd: copy,
      timeout: 900_000,
      onLine: (line) => console.log(`up| ${line}`),
    });
    return changed;
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

/**
 * A release in which the Dockerfiles of `images` have one more label: their content, hence their name, is another one, and
 * what runs in them is the same.
 *
 * @returns removes the images that only the copy has; for after the stack has left them
 */
export async function upWithChangedImages(images: readonly ImageName[]): Promise<() => Promise<void>> {
  const references = await upFromCopy((copy) => {
    for (const image of images)
      appendFileSync(
        join(imageSources(image, copy)[0] as string, "Dockerfile"),
        `LABEL io.dujyo.test="${Date.now()}"\n`,
      );
    return images.map((image) => imageRef(image, copy));
  });
  return async () => {
    await run("docker", ["image", "rm", ...references]);
  };
}

/** A release with one more migration. Its image goes with it, so it has to be one that fails. */
export async function upWithMigration(file: string, sql: string): Promise<void> {
  let reference: string | undefined;
  try {
    await upFromCopy((copy) => {
      writeFileSync(join(copy, "migrations", file), sql);
      reference = imageRef("api", copy);
    });
  } finally {
    if (reference !== undefined) await run("docker", ["image", "rm", reference]);
  }
}
