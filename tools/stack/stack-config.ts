import { parse, stringify } from "yaml";

/** Keys by which the engine finds its way back to a stack's secrets; it writes them itself. */
const WRITTEN_BY_ENGINE = ["secretsprovider", "encryptedkey", "encryptionsalt"];

const HEADER =
  "# Made from the stack's tracked file by npm run up, with what the engine adds. Change the tracked file.\n";

const RECEIVER_SECRETS = "dujyo:receiverSecrets";

interface StackFile {
  readonly config?: Readonly<Record<string, unknown>>;
  readonly [key: string]: unknown;
}

/**
 * The stack file for the engine: the tracked one, and what the engine wrote into the former copy, which is its keys and
 * the receivers' secrets that `pulumi config set --secret` encrypted.
 *
 * @param tracked YAML text of `Pulumi.<stack>.yaml`
 * @param former YAML text that the engine has written to; may be empty
 */
export function mergeStackConfig(tracked: string, former: string): string {
  const settings = (parse(tracked) ?? {}) as StackFile;
  const kept = (parse(former) ?? {}) as StackFile;
  const added = WRITTEN_BY_ENGINE.filter((key) => !(key in settings) && key in kept).map((key) => [
    key,
    kept[key],
  ]);
  const secrets = { ...encrypted(kept), ...receiverSecrets(settings) };
  const config = {
    ...settings.config,
    ...(Object.keys(secrets).length > 0 ? { [RECEIVER_SECRETS]: secrets } : {}),
  };
  return HEADER + stringify({ ...settings, config, ...Object.fromEntries(added) });
}

function receiverSecrets({ config }: StackFile): Record<string, unknown> {
  return (config?.[RECEIVER_SECRETS] ?? {}) as Record<string, unknown>;
}

function encrypted(file: StackFile): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(receiverSecrets(file)).filter(
      ([, secret]) => typeof secret === "object" && secret !== null && "secure" in secret,
    ),
  );
}
