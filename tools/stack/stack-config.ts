import { parse, stringify } from "yaml";

/** Keys by which the engine finds its way back to a stack's secrets; it writes them itself. */
const WRITTEN_BY_ENGINE = ["secretsprovider", "encryptedkey", "encryptionsalt"];

const HEADER =
  "# Made from the stack's tracked file by npm run up and npm run connect, with what the engine adds: its keys, and the\n" +
  "# secrets of pulumi config set --secret. Change everything else in the tracked file.\n";

type Mapping = Record<string, unknown>;

/**
 * The stack file for the engine: the tracked one, the keys that the engine wrote into the former copy, and the secrets that
 * it encrypted there, which nobody could write by hand. What the tracked file says goes before all of them.
 *
 * @param tracked YAML text of `Pulumi.<stack>.yaml`
 * @param former YAML text that the engine has written to; may be empty
 */
export function mergeStackConfig(tracked: string, former: string): string {
  const settings = (parse(tracked) ?? {}) as Mapping;
  const kept = (parse(former) ?? {}) as Mapping;
  const added = WRITTEN_BY_ENGINE.filter((key) => !(key in settings) && key in kept).map((key) => [
    key,
    kept[key],
  ]);
  const config = withSecrets(settings.config, kept.config);
  return (
    HEADER + stringify({ ...settings, ...(config !== undefined && { config }), ...Object.fromEntries(added) })
  );
}

/** `tracked`, and at each place where it says nothing the secret that `former` has there. */
function withSecrets(tracked: unknown, former: unknown): unknown {
  if (isSecret(former)) return tracked ?? former;
  if (!isMapping(former) || !(tracked === undefined || tracked === null || isMapping(tracked)))
    return tracked;
  const merged: Mapping = { ...tracked };
  for (const [key, value] of Object.entries(former)) {
    const inside = withSecrets(merged[key], value);
    if (inside !== undefined) merged[key] = inside;
  }
  return tracked || Object.keys(merged).length > 0 ? merged : undefined;
}

function isMapping(value: unknown): value is Mapping {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** An encrypted value, as the engine writes it. */
function isSecret(value: unknown): boolean {
  return isMapping(value) && typeof value.secure === "string" && Object.keys(value).length === 1;
}
