import { appendFileSync, cpSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
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
 * `npm run up` on the test stack from a copy of the project in which the Dockerfiles of `images` have one more label, as
 * after a release that changes them: their content, hence their name, is another one, and what runs in them is the same.
 *
 * @returns removes the images that only the copy has; for after the stack has left them
 */
export async function upWithChangedImages(images: readonly ImageName[]): Promise<() => Promise<void>> {
  const copy = mkdtempSync(join(tmpdir(), "dujyo-copy-"));
  try {
    for (const part of [...PARTS, ...FILES])
      cpSync(join(ROOT, part), join(copy, part), {
        recursive: true,
        filter: (source) => !source.includes("node_modules") || source === join(ROOT, part),
      });
    // The state, and the packages, are this clone's.
    for (const shared of [".dujyo", "node_modules"]) symlinkSync(join(ROOT, shared), join(copy, shared));
    for (const image of images)
      appendFileSync(
        join(imageSources(image, copy)[0] as string, "Dockerfile"),
        `LABEL io.dujyo.test="${Date.now()}"\n`,
      );
    const references = images.map((image) => imageRef(image, copy));
    await mustRun(process.execPath, [join(copy, "tools/up.ts"), "--stack", STACK], {
      cwd: copy,
      timeout: 900_000,
      onLine: (line) => console.log(`up| ${line}`),
    });
    return async () => {
      await run("docker", ["image", "rm", ...references]);
    };
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}
