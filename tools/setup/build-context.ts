import { cpSync, existsSync } from "node:fs";
import { join } from "node:path";
import { type ImageName, imageSources } from "../../infra/images.ts";
import { CACHE, ROOT } from "../layout.ts";
import { mustRun } from "../process.ts";
import { withScratch } from "./place.ts";

/** The Node release inside the API's image; package.json names the same one for the project's own commands. */
export const NODE_VERSION = "24.21.0";

/** Calls `work` with the build context of `image`, which is put together in a scratch folder where it has several sources. */
export async function withBuildContext<T>(
  image: ImageName,
  work: (folder: string) => Promise<T>,
): Promise<T> {
  if (image !== "api") return work(imageSources(image)[0] as string);
  return withScratch(CACHE, "context-", async (folder) => {
    await putApiTogether(folder);
    return work(folder);
  });
}

/** Dockerfile and scripts of the service, its bundles, the migrations, and the runtime. */
async function putApiTogether(folder: string): Promise<void> {
  const service = join(ROOT, "service");
  cpSync(join(service, "Dockerfile"), join(folder, "Dockerfile"));
  cpSync(join(service, "bin"), join(folder, "bin"), { recursive: true });
  cpSync(join(ROOT, "migrations"), join(folder, "migrations"), { recursive: true });
  await mustRun(process.execPath, [join(service, "build.mjs"), join(folder, "dist")], { cwd: ROOT });
  cpSync(await linuxNode(), join(folder, "node"));
}

/** A Node binary for Linux on this machine's processor, also where this machine runs something else. */
async function linuxNode(): Promise<string> {
  const name = `node-linux-${process.arch}`;
  const own = join(ROOT, "node_modules", name, "bin/node");
  if (existsSync(own)) return own;
  const folder = join(CACHE, "node-linux");
  const cached = join(folder, "node_modules", name, "bin/node");
  if (!existsSync(cached))
    await mustRun(
      "npm",
      [
        ...["install", "--prefix", folder, "--no-save", "--ignore-scripts"],
        ...["--os=linux", `--cpu=${process.arch}`, `${name}@${NODE_VERSION}`],
      ],
      { fetches: ["npm packages"] },
    );
  return cached;
}
