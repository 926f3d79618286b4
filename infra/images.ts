import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** The image that every Dockerfile of the project starts from. */
export const BASE_IMAGE = "debian:trixie-slim";

/** Images of the project and the folder that each is built from, relative to the project's root. */
const CONTEXTS = {
  etcd: "infra/images/etcd",
  haproxy: "infra/images/haproxy",
  pgbouncer: "infra/images/pgbouncer",
  postgres: "infra/images/postgres",
  redis: "infra/images/redis",
} as const;

export type ImageName = keyof typeof CONTEXTS;

/** Every image of the project, in the order in which they are built. */
export const IMAGE_NAMES = Object.keys(CONTEXTS) as ImageName[];

/** Absolute path of the folder that `image` is built from. */
export function imageContext(image: ImageName, root = ROOT): string {
  return join(root, CONTEXTS[image]);
}

/**
 * Reference of a project image: `dujyo/<image>:<12 hex digits>`. The tag is a digest of all that goes into the build, so
 * that the same content is never built twice and a changed file always gives another image.
 *
 * @throws the file system's error where the folder is missing
 */
export function imageRef(image: ImageName, root = ROOT): string {
  return `dujyo/${image}:${contentDigest(imageContext(image, root)).slice(0, 12)}`;
}

/** SHA-256 over path, executable bit and content of every file below `directory`, in the order of their paths. */
export function contentDigest(directory: string): string {
  const hash = createHash("sha256");
  for (const path of filesBelow(directory)) {
    const file = join(directory, path);
    const executable = (statSync(file).mode & 0o100) !== 0;
    const content = readFileSync(file);
    hash
      .update(`${path.split(sep).join("/")}\0${executable ? "x" : "-"}\0${content.length}\0`)
      .update(content);
  }
  return hash.digest("hex");
}

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .sort();
}
