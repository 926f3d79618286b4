import { Failure } from "../../tools/failure.ts";
import { writeSetting } from "../../tools/stack/settings.ts";
import { applyStack, resourcesInForce } from "../apply-stack.ts";
import { bearerToken } from "../bearer-token.ts";
import type { Connection } from "../connection.ts";
import type { Outcome, Task } from "../define-command.ts";
import type { Member } from "../inventory.ts";
import { Refusal } from "../refusal.ts";
import { openStack, partMembers, type RunningStack } from "../running-stack.ts";
import type { Credential, RotateOptions } from "./credential.ts";
import { keysAfter } from "./numbered-keys.ts";

/** Longest wait for every process of the API to have read the keys, seconds; they look every 2 s. */
const READ_SECONDS = 30;
/** Life of the tokens that the rotation itself asks with, seconds. */
const CHECK_TOKEN_SECONDS = "300";
/** How long the former key may go on signing while the new one is delivered, seconds: an `up` takes a minute or two. */
const DELIVERY_SECONDS = 600;

const SIGNING_KEY = "pulumi-nodejs:dynamic/secrets:SigningKey";

/**
 * Refuses to withdraw the former key while tokens of it may be in use.
 *
 * @param created when the new key was made, RFC 3339; undefined where nobody knows
 * @param tokenLife longest life of a token, seconds; 0: they need not be minded
 * @throws Refusal with the time from which on it may be done
 */
export function refuseEarlyFinish(created: string | undefined, tokenLife: number, now: Date): void {
  if (tokenLife === 0) return;
  if (created === undefined)
    throw new Refusal(
      "The state does not say when the new key was made. When the former key's tokens have expired: --token-life 0.",
    );
  const safe = new Date(Date.parse(created) + (tokenLife + DELIVERY_SECONDS) * 1_000);
  if (now >= safe) return;
  throw new Refusal(
    `Tokens of the former key that live ${tokenLife} s may be in use until ${safe.toISOString()}. Repeat after that; or, if yours ` +
      "live shorter, say so with --token-life <seconds>; 0 withdraws the key at once, as if others know it.",
  );
}

/** Who accepts which keys, out of the metrics of one instance: processes by the key's `kid`. */
export function acceptedKeys(metrics: string): Map<string, number> {
  const lines = metrics.matchAll(/^dujyo_api_token_keys\{kid="([^"]+)"[^}]*\} (\d+)$/gm);
  return new Map(Array.from(lines, ([, kid = "", processes]) => [kid, Number(processes)]));
}

interface Rotated {
  readonly keys: readonly number[];
  /** Of the key that signs. */
  readonly kid: string;
  /** Instances that were asked for the keys that they accept. */
  readonly instances: readonly string[];
  readonly seconds: number;
}

/**
 * Takes one of the two steps: a new key signs beside the former, or the former is withdrawn. A repeat completes what was cut
 * off: the stack's file says what is wanted.
 *
 * @throws Failure where not every instance accepts exactly the keys in force, or the API refuses a token that it should take
 */
async function takeStep(
  stack: RunningStack,
  keys: readonly number[],
  say: (line: string) => void,
): Promise<Rotated> {
  const started = Date.now();
  const former = await checkToken(stack, await stack.connection());
  writeSetting(stack.name, ["api", "tokenKeys"], keys);
  await applyStack(stack.name, say);
  // Where a change replaces instances, they have other names now.
  const now = await openStack(stack.name);
  const connection = await now.connection();
  const kid = kidOf(connection);
  say("asking each instance which keys it accepts");
  const instances = partMembers(now, "api").filter(({ running }) => running);
  for (const instance of instances) await waitAccepted(now, instance, kid, keys.length);
  await mustAccept(connection, await checkToken(stack, connection), "the key that signs now");
  if (keys.length > 1) await mustAccept(connection, former, "the key that signed before");
  return {
    keys,
    kid,
    instances: instances.map(({ name }) => name),
    seconds: Math.round((Date.now() - started) / 1_000),
  };
}

/** When the key that signs was made; undefined where the state does not say. */
async function signingSince(stack: RunningStack): Promise<string | undefined> {
  const kid = kidOf(await stack.connection());
  const keys = await resourcesInForce(stack.name, SIGNING_KEY);
  return keys.find(({ id }) => id === kid)?.created;
}

function kidOf({ apiSigningKey }: Connection): string {
  return (JSON.parse(apiSigningKey) as { readonly kid: string }).kid;
}

function checkToken(stack: RunningStack, connection: Connection): Promise<string> {
  return bearerToken(stack.name, connection, { address: "DU-rotation", ttl: CHECK_TOKEN_SECONDS });
}

async function waitAccepted(stack: RunningStack, member: Member, kid: string, count: number): Promise<void> {
  const deadline = Date.now() + READ_SECONDS * 1_000;
  const ask = ["/usr/local/bin/api-ask", "/metrics", "text/plain"];
  for (;;) {
    const answer = await stack.platform.exec(member, ask, 10_000);
    const accepted = acceptedKeys(answer.stdout);
    const everywhere = [...accepted.values()].every((processes) => processes === stack.settings.api.workers);
    if (answer.code === 0 && accepted.has(kid) && accepted.size === count && everywhere) return;
    if (Date.now() > deadline)
      throw new Failure(
        `${member.name} accepts ${JSON.stringify(Object.fromEntries(accepted))} (processes by key) after ${READ_SECONDS} s, instead of ` +
          `${count} keys with ${kid} among them. Look at "npm run logs -- api", and repeat.`,
      );
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

/** Asks as a client does. Tokens are looked at before the body, which is none: nothing is booked. */
async function mustAccept({ api }: Connection, token: string, whose: string): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${api.port}/transaction`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: "{}",
  });
  if (answer.status !== 400)
    throw new Failure(`A token of ${whose} is answered ${answer.status}: ${await answer.text()}`);
}

function settingsFile({ name }: RunningStack): string {
  return `Pulumi.${name}.yaml`;
}

async function rotate({
  stack,
  options: { finish, tokenLife },
  dryRun,
  say,
}: Task<RotateOptions>): Promise<Outcome> {
  const file = settingsFile(stack);
  const life = Number(tokenLife);
  if (!Number.isInteger(life) || life < 0)
    throw new Refusal(`--token-life is "${tokenLife}"; it has to be whole seconds, at least 0.`);
  const before = stack.settings.api.tokenKeys;
  const keys = keysAfter(before, finish);
  const repeated = keys.join() === before.join();
  if (finish && !repeated) refuseEarlyFinish(await signingSince(stack), life, new Date());
  if (dryRun)
    return {
      text: repeated
        ? `${file} says already what this step leads to, api.tokenKeys [${keys.join(", ")}]; it would be applied again and checked.`
        : `Would change api.tokenKeys in ${file} from [${before.join(", ")}] to [${keys.join(", ")}] and apply it.`,
      data: { before, keys },
    };
  const rotated = await takeStep(stack, keys, say);
  const [former, signs] = keys.length > 1 ? keys : [undefined, keys[0]];
  return {
    text: [
      `After ${rotated.seconds} s: key ${signs} (${rotated.kid}) signs, and ${rotated.instances.join(", ")} accept its tokens` +
        (former === undefined ? " and no others." : `, and still those of key ${former}.`),
      `${file} has api.tokenKeys [${keys.join(", ")}] now: keep that.`,
      ...(former === undefined
        ? []
        : [
            'When the last of the former key\'s tokens has expired: "npm run ops -- rotate token-key --finish".',
          ]),
    ].join("\n"),
    data: rotated,
  };
}

export const tokenKey: Credential = {
  summary:
    "A new key signs the API's tokens while those of the former are still accepted; --finish withdraws the former. Each step " +
    'writes api.tokenKeys into the stack\'s file and applies that file as "npm run up" does.',
  finishes: true,
  rotate,
};
