import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join, sep } from "node:path";

/**
 * The engine's local backend writes a file under another name and renames it, but the small file of attributes beside it
 * in place. A run that is killed in that moment leaves the attributes empty, and the engine refuses to read the state,
 * which is whole. Without the attributes it reads it; with the next write they are there again.
 *
 * For a stack that nobody works on.
 *
 * @param folder the backend's `.pulumi`
 * @returns the files that were removed, relative to `folder`: broken attributes, and parts that were never renamed
 */
export function removeCutOffWrites(folder: string, stack: string): string[] {
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder, { recursive: true }).map(String);
  const own = files.filter((file) => {
    const parts = file.split(sep);
    return parts.includes(stack) || parts.at(-1)?.startsWith(`${stack}.json`);
  });
  const broken = own.filter(
    (file) => file.endsWith(".tmp") || (file.endsWith(".attrs") && !isJson(join(folder, file))),
  );
  for (const file of broken) rmSync(join(folder, file), { force: true });
  return broken.sort();
}

function isJson(path: string): boolean {
  try {
    JSON.parse(readFileSync(path, "utf8"));
    return true;
  } catch {
    return false;
  }
}
