import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DASHBOARDS, toJson } from "./index.ts";

/** Writes the files that Grafana's provisioning reads, and removes those of dashboards that are gone. */
const folder = join(import.meta.dirname, "generated");
const wanted = new Map(DASHBOARDS.map((dashboard) => [`${dashboard.uid}.json`, toJson(dashboard)]));
for (const [name, text] of wanted) writeFileSync(join(folder, name), text);
for (const name of readdirSync(folder)) if (!wanted.has(name)) rmSync(join(folder, name));
console.log(`${wanted.size} dashboards in dashboards/generated`);
