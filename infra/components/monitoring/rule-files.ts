import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { readConfig } from "../../lib/render.ts";
import type { Settings } from "../../settings/schema.ts";
import type { FileSpec } from "../../target.ts";

const RULES = fileURLToPath(new URL("../../../config/prometheus/rules/", import.meta.url));

/**
 * The rules as they are below `config/prometheus/rules`, with what belongs to this stack: each alert says where its runbook
 * is, whom to ask and where to look, and waits as long as `monitoring.alertPace` has it.
 */
export function ruleFiles({
  contacts,
  alertPace,
}: Pick<Settings["monitoring"], "contacts" | "alertPace">): FileSpec[] {
  const base = contacts.docs === "" ? "" : `${contacts.docs.replace(/\/$/, "")}/`;
  const further = (["support", "dashboard"] as const)
    .filter((contact) => contacts[contact] !== "")
    .map((contact) => `${contact}: ${JSON.stringify(contacts[contact])}`);
  return readdirSync(RULES)
    .filter((file) => file.endsWith(".yml"))
    .sort()
    .map((file) => ({
      path: `rules/${file}`,
      content: readConfig(`prometheus/rules/${file}`)
        .replaceAll(/^( +)(runbook_url: *["']?)(docs\/runbooks\/.*)$/gm, (_, indent, key, path) =>
          [`${indent}${key}${base}${path}`, ...further.map((line) => indent + line)].join("\n"),
        )
        .replaceAll(/^( +for: )(\S+)$/gm, (_, key, wait) => `${key}${atPace(wait, alertPace)}`),
    }));
}

const UNIT_SECONDS = { s: 1, m: 60, h: 3_600, d: 86_400 } as const;

/** `wait`, a time as Prometheus writes it, at `pace`; whole seconds, at least one. */
export function atPace(wait: string, pace: number): string {
  if (pace === 1) return wait;
  const seconds = [...wait.matchAll(/(\d+)([smhd])/g)].reduce(
    (sum, [, count, unit]) => sum + Number(count) * UNIT_SECONDS[unit as keyof typeof UNIT_SECONDS],
    0,
  );
  return `${Math.max(1, Math.round(seconds * pace))}s`;
}
