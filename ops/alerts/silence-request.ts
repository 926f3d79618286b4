import { readdirSync } from "node:fs";
import { join } from "node:path";
import { isDuration, milliseconds } from "../../infra/lib/units.ts";
import { ROOT } from "../../tools/layout.ts";
import { Refusal } from "../refusal.ts";
import type { Matcher } from "./alertmanager.ts";

/** Longest silence: what is off for longer belongs into the rules. */
const MOST_DAYS = 30;
const DAY = 86_400_000;

/** Names of all alerts there are: each has a runbook. */
export function alertNames(): string[] {
  return readdirSync(join(ROOT, "docs/runbooks"))
    .filter((file) => file.endsWith(".md"))
    .map((file) => file.slice(0, -".md".length));
}

/**
 * Which alerts a silence is for.
 *
 * @param alerts names; none for all that the others fit
 * @param matches `name=value`, `!=`, `=~` or `!~`
 * @throws Refusal where an alert is unknown, a match can not be read, or everything would be silenced
 */
export function readMatchers(
  alerts: readonly string[],
  matches: readonly string[],
  known: readonly string[] = alertNames(),
): Matcher[] {
  const unknown = alerts.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    const like = known.filter((name) => unknown.some((wrong) => similar(name, wrong)));
    throw new Refusal(
      `There is no alert ${unknown.join(", ")}.${like.length > 0 ? ` There is: ${like.join(", ")}.` : ""} ` +
        "All of them have a file in docs/runbooks/.",
    );
  }
  const byName: Matcher[] =
    alerts.length === 0
      ? []
      : [{ name: "alertname", value: alerts.join("|"), isRegex: alerts.length > 1, isEqual: true }];
  const found = [...byName, ...matches.map(readMatcher)];
  if (
    !found.some(
      ({ isEqual, value, isRegex }) => isEqual && value !== "" && !(isRegex && /^\.[*+]$/.test(value)),
    )
  )
    throw new Refusal(
      'This would silence every alert. Name alerts, or say which with --match, for example "instance=postgres-1".',
    );
  return found;
}

function readMatcher(text: string): Matcher {
  const parts = /^([A-Za-z_]\w*)(=~|!~|!=|=)(.*)$/.exec(text);
  if (!parts)
    throw new Refusal(
      `--match is "${text}"; write name=value, or != =~ !~ in place of =, for example "part=redis".`,
    );
  const [, name = "", operator = "", value = ""] = parts;
  if (operator.endsWith("~") && !isRegular(value))
    throw new Refusal(`--match is "${text}", and "${value}" is no regular expression.`);
  return { name, value, isRegex: operator.endsWith("~"), isEqual: operator.startsWith("=") };
}

function isRegular(text: string): boolean {
  try {
    new RegExp(text);
    return true;
  } catch {
    return false;
  }
}

/** Milliseconds of `2 h`, `2h`, `30 min`. @throws Refusal for anything else, and beyond 30 days */
export function readSpan(text: string): number {
  const spaced = text.replace(/^(\d+(?:\.\d+)?)\s*(\S+)$/, "$1 $2");
  const span = isDuration(spaced) ? milliseconds(spaced) : 0;
  if (span < 1_000 || span > MOST_DAYS * DAY)
    throw new Refusal(
      `--for is "${text}"; write a time from 1 s to ${MOST_DAYS} d, for example "2 h" or "30 min".`,
    );
  return span;
}

/** Whether one contains the other, whatever the case of the letters. */
function similar(one: string, other: string): boolean {
  const [a, b] = [one.toLowerCase(), other.toLowerCase()];
  return b.length > 2 && (a.includes(b) || b.includes(a));
}
