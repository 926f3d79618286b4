import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { settingsReference } from "../infra/settings/reference.ts";
import { ROOT } from "./layout.ts";

writeFileSync(join(ROOT, "docs/settings.md"), settingsReference());
