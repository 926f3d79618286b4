import { join } from "node:path";
import type { Connection } from "./connection.ts";

const program = (body: string): string => `#!/bin/sh\nset -eu\n${body}\n`;

/**
 * `psql` and `redis-cli` for machines that have neither: programs of the stack's own images, logged in by the files beside
 * them. No password stands in an argument or in the environment.
 *
 * @param image reference of the PostgreSQL image
 * @param inside command line that runs a program inside a member, with its standard input
 */
export function clientPrograms(
  folder: string,
  { redis }: Connection,
  image: string,
  inside: (member: string) => string,
): Record<"psql" | "redis-cli", string> {
  const [node] = redis;
  const redisCli =
    `${inside(node?.host ?? "")} redis-cli -c --tls --cacert /etc/dujyo/tls/ca.crt ` +
    `-h ${node?.host} -p ${node?.port} --user operator --askpass`;
  const password = `'${join(folder, "redis-operator-password")}'`;
  return {
    psql: program(
      // As this user, for whom alone the files are; below the working directory, so that -f finds its files.
      `[ -t 0 ] && [ -t 1 ] && terminal=--tty || terminal=
exec docker run --rm --interactive $terminal --env PSQL_HISTORY=/dev/null --network host --user "$(id -u):$(id -g)" --env PGSERVICE \\
  --env PGSERVICEFILE='${join(folder, "pg_service.conf")}' --volume '${folder}:${folder}:ro' \\
  --volume "$PWD:$PWD:ro" --workdir "$PWD" --entrypoint psql ${image} "$@"`,
    ),
    "redis-cli": program(
      // The first line of standard input is the password; commands follow it where the arguments have none.
      `if [ $# -gt 0 ]; then exec ${redisCli} "$@" <${password}; fi
{ cat ${password}; echo; cat; } | ${redisCli}`,
    ),
  };
}
