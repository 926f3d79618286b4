import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Failure, runCommand } from "./failure.ts";
import { ROOT } from "./layout.ts";
import { describeParameters, PARAMETERS_FILE } from "./postgres-parameters.ts";

/**
 * Writes the list that `postgres.parameters` is checked against, from the project's PostgreSQL image (`npm run parameters`).
 * To be run, and its result committed, when the image gets another release of PostgreSQL or Patroni.
 */
await runCommand(async () => {
  if (process.argv.length > 2) throw new Failure("Usage: npm run parameters");
  writeFileSync(join(ROOT, PARAMETERS_FILE), await describeParameters());
  return 0;
});
