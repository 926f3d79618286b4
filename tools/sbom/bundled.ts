import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CACHE, ROOT } from "../layout.ts";
import { mustRun } from "../process.ts";
import { withScratch } from "../setup/place.ts";

/** The packages that the service's programs are bundled of, as `pg@8.23.1`, by what the bundler read. */
export async function bundledPackages(): Promise<string[]> {
  return await withScratch(CACHE, "bundle-", async (folder) => {
    const inputs = join(folder, "inputs.json");
    await mustRun(process.execPath, [join(ROOT, "service/build.mjs"), folder, inputs], { cwd: ROOT });
    const sources = JSON.parse(readFileSync(inputs, "utf8")) as string[];
    const folders = new Set(sources.flatMap((source) => packageOf(source) ?? []));
    // A package may carry others in a folder that is no package of this project's.
    const installed = [...folders].filter((path) => existsSync(join(ROOT, path, "package.json")));
    return [...new Set(installed.map(versionOf))].sort();
  });
}

function versionOf(folder: string): string {
  const { name, version } = JSON.parse(readFileSync(join(ROOT, folder, "package.json"), "utf8")) as {
    name: string;
    version: string;
  };
  return `${name}@${version}`;
}

/** A package may have its own copy of another one: the last folder of modules counts. */
function packageOf(source: string): string | undefined {
  return /(?:^|\/)(node_modules\/(?:.*\/node_modules\/)?(?:@[^/]+\/)?[^/]+)\//.exec(source)?.[1];
}
