import { imageRef } from "../infra/images.ts";
import type { Parameter } from "../infra/settings/parameters.ts";
import { mustRun } from "./process.ts";

/** Where the list lies, relative to the project. */
export const PARAMETERS_FILE = "infra/settings/postgres-parameters.json";

/**
 * A server that lives for one question. `postgres --describe-config` has neither units nor what an enumeration takes, so
 * its view is asked. `internal` parameters are fixed when the server is built; a name without a dot that Patroni does not
 * know never reaches the server.
 */
const QUESTION = String.raw`
set -eu
export PGDATA=/tmp/data
initdb --username=postgres --auth=trust >/dev/null
pg_ctl --silent --wait start --options="-c listen_addresses= -c unix_socket_directories=/tmp -c shared_preload_libraries=pg_stat_statements" >/dev/null
psql --host=/tmp --username=postgres --no-psqlrc --quiet --tuples-only --no-align --command="
  SELECT json_build_object('name', lower(name), 'type', vartype, 'unit', unit,
    'min', min_val::float8, 'max', max_val::float8, 'values', enumvals)
  FROM pg_settings WHERE context <> 'internal' ORDER BY lower(name) COLLATE \"C\"" | tee /tmp/settings >/dev/null
pg_ctl --silent --wait stop >/dev/null
python3 -c "
import json
from patroni.postgresql.validator import parameters
for line in open('/tmp/settings'):
    name = json.loads(line)['name']
    if '.' in name or name in parameters:
        print(line, end='')
"`;

/**
 * The content of {@link PARAMETERS_FILE}: one line for each parameter that a stack may set.
 *
 * @throws Failure where the image is not there (`npm run up` builds it) or the server does not start
 */
export async function describeParameters(): Promise<string> {
  const answer = await mustRun("docker", [
    ...["run", "--rm", "--network", "none", "--entrypoint", "sh", imageRef("postgres"), "-c", QUESTION],
  ]);
  const lines = answer
    .trim()
    .split("\n")
    .map((line) => {
      const { name, ...found } = JSON.parse(line) as Parameter & { name: string };
      const given = Object.entries(found).filter(([, value]) => value !== null);
      const fields = given.map(([key, value]) => `"${key}": ${JSON.stringify(value).replaceAll(",", ", ")}`);
      return `  ${JSON.stringify(name)}: { ${fields.join(", ")} }`;
    });
  return `{\n${lines.join(",\n")}\n}\n`;
}
