import { parse, stringify } from "yaml";

/** Keys by which the engine finds its way back to a stack's secrets; it writes them itself. */
const WRITTEN_BY_ENGINE = ["secretsprovider", "encryptedkey", "encryptionsalt"];

const HEADER =
  "# Made from the stack's tracked file by npm run up, with what the engine adds. Change the tracked file.\n";

/**
 * The stack file for the engine: the tracked one, and the keys that the engine wrote into the former copy.
 *
 * @param tracked YAML text of `Pulumi.<stack>.yaml`
 * @param former YAML text that the engine has written to; may be empty
 */
export function mergeStackConfig(tracked: string, former: string): string {
  const settings = (parse(tracked) ?? {}) as Record<string, unknown>;
  const kept = (parse(former) ?? {}) as Record<string, unknown>;
  const added = WRITTEN_BY_ENGINE.filter((key) => !(key in settings) && key in kept).map((key) => [
    key,
    kept[key],
  ]);
  return HEADER + stringify({ ...settings, ...Object.fromEntries(added) });
}
