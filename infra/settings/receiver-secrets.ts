import type { Issue } from "./budgets.ts";
import { HEARTBEAT } from "./receivers.ts";

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

const setCommand = (name: string) => `pulumi config set --secret --path 'dujyo:receiverSecrets["${name}"]'`;

/**
 * What is wrong between receivers and their secrets. It takes the settings as they were given, since it has to speak
 * beside whatever else is wrong with them. No message holds a secret.
 *
 * @param plaintext names of secrets that stand in the stack file unencrypted
 */
export function receiverIssues(given: Raw, plaintext: readonly string[]): Issue[] {
  const secrets = record(given.receiverSecrets);
  const all = holders(record(given.monitoring));
  const names = all.map(({ name }) => name);
  const twice = new Set(names.filter((name, index) => names.indexOf(name) !== index));
  return [
    ...all
      .filter(({ name }) => secrets[name] === undefined)
      .map(({ name, path }) => ({
        path,
        reason: `"${name}" has no secret; set it with: ${setCommand(name)}`,
      })),
    ...all
      .filter(
        ({ name, address }) => address && typeof secrets[name] === "string" && !isAddress(secrets[name]),
      )
      .map(({ name }) => ({
        path: `receiverSecrets.${name}`,
        reason: `is no address that begins with http:// or https://; set the whole address with: ${setCommand(name)}`,
      })),
    ...[...twice].map((name) => ({
      path: "monitoring.receivers",
      reason: `has two receivers of the name "${name}"; give each its own (the heartbeat's is "${HEARTBEAT}")`,
    })),
    ...Object.keys(secrets)
      .filter((name) => !names.includes(name))
      .map((name) => ({
        path: `receiverSecrets.${name}`,
        reason: "belongs to no receiver; remove it, or add the receiver to monitoring.receivers",
      })),
    ...plaintext.map((name) => ({
      path: `receiverSecrets.${name}`,
      reason: `stands in the stack file unencrypted; replace it, remove it there, and set it with: ${setCommand(name)}`,
    })),
  ];
}
