import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as pulumi from "@pulumi/pulumi";

const CONFIG_DIRECTORY = fileURLToPath(new URL("../../config/", import.meta.url));
const HOLE = /\{\{([A-Za-z0-9]+)\}\}/g;

/** Values for the `{{holes}}` of a template. */
export type Holes = Readonly<Record<string, string | number>>;

/** A file below `config/` as it stands. */
export function readConfig(path: string): string {
  return readFileSync(CONFIG_DIRECTORY + path, "utf8");
}

/**
 * Fills the `{{holes}}` of a file below `config/`.
 *
 * @throws Error naming the holes without a value and the values without a hole: both are mistakes of the program
 */
export function render(path: string, holes: Holes): string {
  const template = readConfig(path);
  const wanted = new Set(Array.from(template.matchAll(HOLE), (match) => match[1] as string));
  const missing = [...wanted].filter((name) => !(name in holes));
  const unknown = Object.keys(holes).filter((name) => !wanted.has(name));
  if (missing.length + unknown.length > 0)
    throw new Error(
      `bug: config/${path} has no value for [${missing.join(", ")}] and no hole for [${unknown.join(", ")}]`,
    );
  return template.replace(HOLE, (_, name: string) => String(holes[name]));
}

/** {@link render} for holes that are known only while the stack is deployed, such as passwords. */
export function renderOutput(
  path: string,
  holes: Readonly<Record<string, pulumi.Input<string | number>>>,
): pulumi.Output<string> {
  return pulumi.output(holes).apply((values) => render(path, values as Holes));
}
