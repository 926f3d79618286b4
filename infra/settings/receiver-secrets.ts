import type { Issue } from "./budgets.ts";
import { givenSecrets } from "./given-secrets.ts";
import { HEARTBEAT } from "./receivers.ts";
import { ISSUED_KEY, weakness } from "./strength.ts";

type Raw = Record<string, unknown>;

const record = (value: unknown): Raw =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Raw) : {};

/** Somebody whose secret stands in `receiverSecrets`. */
interface Holder {
  readonly name: string;
  /** Where the settings name it. */
  readonly path: string;
  /** Whether the secret is an address to send to. */
  readonly address: boolean;
}

function holders(monitoring: Raw): Holder[] {
  const receivers = Array.isArray(monitoring.receivers) ? monitoring.receivers.map(record) : [];
  return [
    ...receivers.flatMap(({ name, type }, index): Holder[] =>
      typeof name === "string"
        ? [{ name, path: `monitoring.receivers.${index}`, address: type === "slack" }]
        : [],
    ),
    ...(monitoring.heartbeat === true
      ? [{ name: HEARTBEAT, path: "monitoring.heartbeat", address: true }]
      : []),
  ];
}

function isAddress(text: string): boolean {
  return /^https?:$/.test(URL.parse(text)?.protocol ?? "");
}

const { setIt, removeIt, plaintextIssues } = givenSecrets("receiverSecrets", (name) => `["${name}"]`);

/** What is wrong with secrets of receivers that a stack file holds in plain text, by their names. */
export { plaintextIssues };

/**
 * What is wrong between receivers and their secrets. It takes the settings as they were given, since it has to speak
 * beside whatever else is wrong with them. No message holds a secret.
 */
export function receiverIssues(given: Raw): Issue[] {
  const secrets = record(given.receiverSecrets);
  const all = holders(record(given.monitoring));
  const names = all.map(({ name }) => name);
  const twice = new Set(names.filter((name, index) => names.indexOf(name) !== index));
  return [
    ...all
      .filter(({ name }) => secrets[name] === undefined)
      .map(({ name, path }) => ({
        path,
        reason: `"${name}" has no secret; set it, ${setIt(name)}`,
      })),
    ...all
      .filter(
        ({ name, address }) => address && typeof secrets[name] === "string" && !isAddress(secrets[name]),
      )
      .map(({ name }) => ({
        path: `receiverSecrets.${name}`,
        reason: `is no address that begins with http:// or https://; set the whole address, ${setIt(name)}`,
      })),
    ...all.flatMap(({ name, address }) => weakKey(name, address, secrets[name])),
    ...[...twice].map((name) => ({
      path: "monitoring.receivers",
      reason: `has two receivers of the name "${name}"; give each its own (the heartbeat's is "${HEARTBEAT}")`,
    })),
    ...Object.keys(secrets)
      .filter((name) => !names.includes(name))
      .map((name) => ({
        path: `receiverSecrets.${name}`,
        reason: `belongs to no receiver; add the receiver to monitoring.receivers, or remove the secret, ${removeIt(name)}`,
      })),
  ];
}

/** What is wrong with a password or key; what makes an address hard to guess is known to whoever made it alone. */
function weakKey(name: string, address: boolean, secret: unknown): Issue[] {
  // Encrypted, as a stack file has it, it is no text.
  const lacks = address || typeof secret !== "string" ? undefined : weakness(secret, ISSUED_KEY);
  if (lacks === undefined) return [];
  return [
    {
      path: `receiverSecrets.${name}`,
      reason: `is a weak password or key, ${lacks}: have another made where it comes from, and set it, ${setIt(name)}`,
    },
  ];
}
