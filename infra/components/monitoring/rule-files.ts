import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { readConfig } from "../../lib/render.ts";
import type { Settings } from "../../settings/schema.ts";
import type { FileSpec } from "../../target.ts";

const RULES = fileURLToPath(new URL("../../../config/prometheus/rules/", import.meta.url));

/** The rules as they are below `config/prometheus/rules`, with runbooks addressed from `contacts.docs` on. */
export function ruleFiles({ docs }: Settings["monitoring"]["contacts"]): FileSpec[] {
  const base = docs === "" ? "" : `${docs.replace(/\/$/, "")}/`;
  return readdirSync(RULES)
    .filter((file) => file.endsWith(".yml"))
    .sort()
    .map((file) => ({
      path: `rules/${file}`,
      content: readConfig(`prometheus/rules/${file}`).replaceAll(
        /(runbook_url: *["']?)(docs\/runbooks\/)/g,
        `$1${base}$2`,
      ),
    }));
}
