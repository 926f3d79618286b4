import { chmodSync, cpSync, existsSync, mkdtempSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { contentDigest, IMAGE_NAMES, imageRef, imageSources } from "../../infra/images.ts";

describe("image references", () => {
  const copyOf = (image: (typeof IMAGE_NAMES)[number]) => {
    const folder = mkdtempSync(join(tmpdir(), "images-test-"));
    cpSync(imageSources(image)[0] as string, folder, { recursive: true });
    return folder;
  };

  it("lists exactly the folders that have a Dockerfile", () => {
    const parent = join(imageSources("etcd")[0] as string, "..");
    const folders = readdirSync(parent).filter((name) => existsSync(join(parent, name, "Dockerfile")));
    const listed = IMAGE_NAMES.filter((name) => join(imageSources(name)[0] as string, "..") === parent);
    expect([...listed].sort()).toEqual(folders.sort());
  });

  it("is the name and twelve digits of the content's digest", () => {
    for (const name of IMAGE_NAMES)
      expect(imageRef(name)).toMatch(new RegExp(`^dujyo/${name}:[0-9a-f]{12}$`));
  });

  it("is the same for the same content in another place", () => {
    expect(contentDigest(copyOf("redis"))).toBe(contentDigest(imageSources("redis")[0] as string));
  });

  it("changes with content, executable bit and name of a file", () => {
    const folder = copyOf("redis");
    const digests = [contentDigest(folder)];
    writeFileSync(join(folder, "added"), "a", { mode: 0o644 });
    digests.push(contentDigest(folder));
    writeFileSync(join(folder, "added"), "b");
    digests.push(contentDigest(folder));
    chmodSync(join(folder, "added"), 0o755);
    digests.push(contentDigest(folder));
    renameSync(join(folder, "added"), join(folder, "renamed"));
    digests.push(contentDigest(folder));
    expect(new Set(digests).size).toBe(5);
  });
});
