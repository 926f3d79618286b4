import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../../tools/layout.ts";
import type { Result } from "../report.ts";
import { capacityOf } from "./figures.ts";
import { capacityPage } from "./page.ts";

/** The bound of the alert ApiNearCapacity, as its rule has it. */
const BOUND = /(?<=> 0\.7 \* )\d+$/m;

/** Files that the result of p9 decides, by their paths, as they have to be. */
export function capacityFiles(result: Result): Record<string, string> {
  const capacity = capacityOf(result);
  const rules = "config/prometheus/rules/api.yml";
  return {
    "config/capacity.json": `${JSON.stringify(capacity, undefined, 2)}\n`,
    [rules]: readFileSync(join(ROOT, rules), "utf8").replace(BOUND, String(capacity.requestsPerProcess)),
    "docs/capacity.md": capacityPage(result),
  };
}

export function writeCapacity(result: Result): void {
  for (const [path, text] of Object.entries(capacityFiles(result))) writeFileSync(join(ROOT, path), text);
}
