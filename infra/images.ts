import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** The image that every Dockerfile of the project starts from, but for {@link OPTIONAL_IMAGES}. */
export const BASE_IMAGE = "debian:trixie-slim";

/**
 * Images of the project, and the files and folders that each is made of, relative to the project's root. The first one
 * holds the Dockerfile; an image made of more than that has its build context put together first.
 */
const SOURCES = {
  alertmanager: ["infra/images/alertmanager"],
  api: ["service", "migrations", "package-lock.json"],
  etcd: ["infra/images/etcd"],
  exporters: ["infra/images/exporters"],
  grafana: ["infra/images/grafana"],
  haproxy: ["infra/images/haproxy"],
  pgbouncer: ["infra/images/pgbouncer"],
  postgres: ["infra/images/postgres"],
  prometheus: ["infra/images/prometheus"],
  redis: ["infra/images/redis"],
} as const satisfies Record<string, readonly [string, ...string[]]>;

export type ImageName = keyof typeof SOURCES;

/** Every image of the project, in the order in which they are built. */
export const IMAGE_NAMES = Object.keys(SOURCES) as ImageName[];

/** Images that start from one which only a container registry serves; without it the stack does without them. */
export const OPTIONAL_IMAGES: ReadonlySet<ImageName> = new Set(["grafana"]);

/** Absolute paths of what `image` is made of; the first is the folder with its Dockerfile. */
export function imageSources(image: ImageName, root = ROOT): readonly string[] {
  return SOURCES[image].map((path) => join(root, path));
}

/**
 * Reference of a project image: `dujyo/<image>:<12 hex digits>`. The tag is a digest of all that goes into the build, so
 * that the same content is never built twice and a changed file always gives another image.
 *
 * @throws the file system's error where a source is missing
 */
export function imageRef(image: ImageName, root = ROOT): string {
  const digests = imageSources(image, root).map(contentDigest);
  const digest =
    digests.length === 1 ? digests[0] : createHash("sha256").update(digests.join("\n")).digest("hex");
  return `dujyo/${image}:${digest?.slice(0, 12)}`;
}

/** Written by builds and tools, not part of what an image is made of. */
const GENERATED = new Set(["dist", "node_modules"]);

/** SHA-256 over path, executable bit and content of a file, or of every file below a folder in the order of their paths. */
export function contentDigest(directory: string): string {
  const hash = createHash("sha256");
  for (const path of filesBelow(directory)) {
    const file = path === "" ? directory : join(directory, path);
    const executable = (statSync(file).mode & 0o100) !== 0;
    const content = readFileSync(file);
    hash
      .update(`${path.split(sep).join("/")}\0${executable ? "x" : "-"}\0${content.length}\0`)
      .update(content);
  }
  return hash.digest("hex");
}

function filesBelow(directory: string): string[] {
  if (statSync(directory).isFile()) return [""];
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .filter((path) => !path.split(sep).some((name) => GENERATED.has(name)))
    .sort();
}
