import { join } from "node:path";
import { Command } from "commander";
import { runCommand } from "../tools/failure.ts";
import { ENGINE_BIN, ROOT } from "../tools/layout.ts";
import { type PulumiEnvironment, pulumiEnvironment } from "../tools/stack/local-state.ts";
import type { Connection } from "./connection.ts";
import { natMap, services } from "./connection-files.ts";
import { readConnection, writeConnectionFiles } from "./connection-store.ts";

const command = new Command("connect")
  .description(
    "Prints what is needed to get in, ready to paste, and writes the files for it (readable by you alone).",
  )
  .option("--stack <name>", "which stack", "dev");

function environmentLines({ PATH: _, ...variables }: PulumiEnvironment): string[] {
  return [
    `export PATH='${join(ROOT, "node_modules/.bin")}':'${ENGINE_BIN}':"$PATH"`,
    ...Object.entries(variables).map(([name, value]) => `export ${name}='${value}'`),
  ];
}

function report(folder: string, connection: Connection, environment: PulumiEnvironment): string {
  const psql = (name: string) => `PGSERVICEFILE='${join(folder, "pg_service.conf")}' psql service=${name}`;
  return [
    "PostgreSQL (the writer and the reader follow the roles; a single node may be either):",
    ...services(connection).map(({ name }) => `  ${psql(name)}`),
    "",
    "Redis Cluster, as the operator:",
    `  '${join(folder, "redis-cli")}' info memory`,
    "",
    "psql and redis-cli of the stack's own images, where this machine has none:",
    `  export PATH='${folder}':"$PATH"`,
    "",
    `Redis Cluster from this machine with ioredis: user app, password in ${join(folder, "redis-app-password")},`,
    `CA in ${join(folder, "redis-ca.crt")}, and the option natMap:`,
    `  ${JSON.stringify(natMap(connection))}`,
    "",
    ...(connection.pages.length === 0
      ? []
      : [
          "Pages of the monitoring:",
          ...connection.pages.map(({ name, port }) => `  ${name.padEnd(12)} http://127.0.0.1:${port}`),
          "",
        ]),
    "Plain pulumi (preview, up, stack output):",
    ...environmentLines(environment).map((line) => `  ${line}`),
    "",
  ].join("\n");
}

await runCommand(async () => {
  const { stack } = command.parse().opts<{ stack: string }>();
  const environment = pulumiEnvironment(stack);
  const connection = await readConnection(stack, environment);
  const folder = writeConnectionFiles(stack, connection);
  process.stdout.write(report(folder, connection, environment));
  return 0;
});
