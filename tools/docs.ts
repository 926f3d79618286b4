import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { settingsReference } from "../infra/settings/reference.ts";
import { count, withCounts } from "../ops/monitoring/counts-table.ts";
import { ROOT } from "./layout.ts";

writeFileSync(join(ROOT, "docs/settings.md"), settingsReference());
const monitoring = join(ROOT, "docs/monitoring.md");
writeFileSync(monitoring, withCounts(readFileSync(monitoring, "utf8"), count(ROOT)));
