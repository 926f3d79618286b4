import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { IMAGE_NAMES, imageRef } from "../infra/images.ts";
import { LOCAL, ROOT } from "./layout.ts";
import { mustRun, run } from "./process.ts";
import { type Bill, debianBill, keepBundled } from "./sbom/bills.ts";
import { bundledPackages } from "./sbom/bundled.ts";

/** Writes the bills of materials, in CycloneDX's form, of the service's bundle and of each image that is built here. */

const FOLDER = join(LOCAL, "sbom");
mkdirSync(FOLDER, { recursive: true });

function write(name: string, bill: Bill): void {
  const path = join(FOLDER, `${name}.cdx.json`);
  writeFileSync(path, `${JSON.stringify(bill, undefined, 2)}\n`);
  console.log(`${path}: ${bill.components.length} components`);
}

const project = JSON.parse(
  await mustRun("npm", ["sbom", "--sbom-format", "cyclonedx"], { cwd: ROOT }),
) as Bill;
write("project", project);
const bundle = keepBundled(project, await bundledPackages());
write("bundle", bundle);

for (const name of IMAGE_NAMES) {
  const image = imageRef(name);
  if ((await run("docker", ["image", "inspect", image])).code !== 0) {
    console.log(`${image}: left out, it is not built on this machine`);
    continue;
  }
  const cat = ["run", "--rm", "--network", "none", "--entrypoint", "cat", image, "/var/lib/dpkg/status"];
  const bill = debianBill(image, await mustRun("docker", cat));
  // The API's image holds no package manager's modules: what is bundled belongs to it all the same.
  write(
    `image-${name}`,
    name === "api" ? { ...bill, components: [...bill.components, ...bundle.components] } : bill,
  );
}
