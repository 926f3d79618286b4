import { publishedPorts } from "../../infra/ports.ts";
import { settingsThatDiffer } from "../../infra/settings/explain.ts";
import type { Settings } from "../../infra/settings/schema.ts";
import { stackSettings } from "../../tools/stack/settings.ts";
import { lockOperation } from "../operation-lock.ts";
import { repairLeftovers } from "../postgres/pooler.ts";
import { Refusal } from "../refusal.ts";
import { openStack, type RunningStack } from "../running-stack.ts";

/** A stack by its name and settings, whether it is up or not. */
type Described = Pick<RunningStack, "name" | "settings">;

/** Settings without which two stacks would not run side by side. */
const APART = new Set(["portOffset", "docker.subnet"]);

/** Paths of the settings that make a difference between two stacks on one machine. */
export function differences(one: Settings, other: Settings): string[] {
  return settingsThatDiffer(one, other).filter((path) => !APART.has(path));
}

/**
 * Why two stacks can not take turns on one machine.
 *
 * @throws Refusal with the way out
 */
export function refuseBeside(one: Described, other: Described): void {
  if (one.name === other.name)
    throw new Refusal(
      `"${one.name}" can not be compared with itself. Give --beside the name of another stack that is up.`,
    );
  const elsewhere = [one, other].find(({ settings }) => settings.target !== "docker");
  if (elsewhere)
    throw new Refusal(
      `The stack "${elsewhere.name}" runs on ${elsewhere.settings.target}: only stacks on the same Docker engine meet the same conditions. ` +
        "Compare two whose target is docker.",
    );
  const taken = new Set(publishedPorts(one.settings).map(({ port }) => port));
  const shared = publishedPorts(other.settings).filter(({ port }) => taken.has(port));
  if (shared.length > 0)
    throw new Refusal(
      `"${one.name}" and "${other.name}" both publish ${shared.map(({ port }) => port).join(", ")}: they can not be up at once. ` +
        `Set another portOffset (and docker.subnet) in Pulumi.${other.name}.yaml, bring both up, and repeat.`,
    );
}

/**
 * Opens the stack that another one takes turns with, for this process alone.
 *
 * @throws Failure for an unknown stack; Refusal where it is not up, can not run beside the first, or is at work
 */
export async function openBeside(
  stack: RunningStack,
  name: string,
  say: (line: string) => void,
): Promise<RunningStack> {
  refuseBeside(stack, { name, settings: stackSettings(name) });
  const other = await openStack(name);
  lockOperation(name, `ops drill --stack ${stack.name} --beside ${name}`);
  for (const repaired of await repairLeftovers(other)) say(repaired);
  return other;
}
