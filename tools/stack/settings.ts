import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseDocument } from "yaml";
import type { Settings } from "../../infra/settings/schema.ts";
import { parseStackFile, type StackFile } from "../../infra/settings/stack-file.ts";
import { Failure } from "../failure.ts";
import { ROOT } from "../layout.ts";
import { writeWhole } from "../setup/place.ts";
import { stackConfigFile } from "./local-state.ts";
import { mergeStackConfig } from "./stack-config.ts";

/** Names of the stacks of this project: those that have a file. */
export function stackNames(): string[] {
  return readdirSync(ROOT).flatMap((name) => /^Pulumi\.(.+)\.yaml$/.exec(name)?.[1] ?? []);
}

/**
 * The stack file of a stack of this project, with the secrets that stand in the engine's copy alone.
 *
 * @throws Failure naming the stacks there are, or everything that is wrong with the settings
 */
export function stackFile(stack: string): StackFile {
  const file = join(ROOT, `Pulumi.${stack}.yaml`);
  if (!existsSync(file))
    throw new Failure(`There is no stack "${stack}"; there are: ${stackNames().join(", ")}.`);
  const copy = stackConfigFile(stack);
  const added = existsSync(copy) ? readFileSync(copy, "utf8") : "";
  try {
    return parseStackFile(stack, mergeStackConfig(readFileSync(file, "utf8"), added));
  } catch (error) {
    throw new Failure(error instanceof Error ? error.message : String(error));
  }
}

/** The settings of a stack of this project; throws as {@link stackFile} does. */
export function stackSettings(stack: string): Settings {
  return stackFile(stack).settings;
}

/**
 * A stack file's text with one setting changed; comments and everything else stay.
 *
 * @param path keys below `dujyo:`, such as `["api", "tokenKeys"]`
 */
export function withSetting(
  text: string,
  [section = "", ...keys]: readonly string[],
  value: unknown,
): string {
  const document = parseDocument(text);
  const place = ["config", `dujyo:${section}`, ...keys];
  // A key with nothing behind it is no collection to put something into.
  for (const [depth] of place.entries())
    if (document.getIn(place.slice(0, depth + 1)) === null) document.deleteIn(place.slice(0, depth + 1));
  document.setIn(place, document.createNode(value, { flow: true }));
  return document.toString({ lineWidth: 0, flowCollectionPadding: false });
}

/** Changes one setting in the tracked file of a stack; see {@link withSetting}. */
export function writeSetting(stack: string, path: readonly string[], value: unknown): void {
  const file = join(ROOT, `Pulumi.${stack}.yaml`);
  writeWhole(file, withSetting(readFileSync(file, "utf8"), path, value));
}
