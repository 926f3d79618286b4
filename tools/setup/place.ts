import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { isAlive } from "../process.ts";

/**
 * Writes a file so that a reader, or a run after a kill, finds either the old content or the new one.
 *
 * @param mode permissions. @default 0o644
 */
export function writeWhole(file: string, content: string | Buffer, mode = 0o644): void {
  mkdirSync(dirname(file), { recursive: true });
  const part = `${file}.${process.pid}.part`;
  writeFileSync(part, content, { mode });
  renameSync(part, file);
}

/**
 * Lends a folder below `parent` that is gone afterwards. What a killed run has left of the same name goes as well.
 *
 * @param use gets the folder to work in
 */
export async function withScratch<T>(
  parent: string,
  name: string,
  use: (folder: string) => Promise<T>,
): Promise<T> {
  mkdirSync(parent, { recursive: true });
  const prefix = `.${name}.part-`;
  for (const entry of readdirSync(parent).filter((entry) => entry.startsWith(prefix)))
    if (!isAlive(Number(entry.slice(prefix.length))))
      rmSync(join(parent, entry), { recursive: true, force: true });
  const folder = join(parent, `${prefix}${process.pid}`);
  mkdirSync(folder, { mode: 0o700 });
  try {
    return await use(folder);
  } finally {
    if (existsSync(folder)) rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Fills a folder of its own and gives it its name when it is complete; whatever had the name before is replaced.
 *
 * @param fill gets the folder to work in
 */
export async function placeFolder(folder: string, fill: (part: string) => Promise<void>): Promise<void> {
  await withScratch(dirname(folder), basename(folder), async (part) => {
    await fill(part);
    rmSync(folder, { recursive: true, force: true });
    renameSync(part, folder);
  });
}
