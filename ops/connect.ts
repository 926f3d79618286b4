import { join } from "node:path";
import { Command } from "commander";
import { Failure, runCommand } from "../tools/failure.ts";
import { ENGINE_BIN, ROOT } from "../tools/layout.ts";
import { Progress } from "../tools/setup/progress.ts";
import { ensurePulumiEngine } from "../tools/setup/pulumi-engine.ts";
import { ensureLocalState, type PulumiEnvironment, pulumiEnvironment } from "../tools/stack/local-state.ts";
import { Pulumi } from "../tools/stack/pulumi.ts";
import { resourcesOf } from "../tools/stack/snapshot.ts";
import { type Connection, LOGINS } from "./connection.ts";
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
function plainPulumi(environment: PulumiEnvironment): string {
  return [
    "Plain pulumi (preview, up, stack output, config set --secret). After a change of the stack's file, come here again first:",
    ...environmentLines(environment).map((line) => `  ${line}`),
    "",
  ].join("\n");
}

/** What makes `psql` and `redis-cli` work in a shell as they stand. */
function shellLines(folder: string): string[] {
  return [
    `export PGSERVICEFILE='${join(folder, "pg_service.conf")}'`,
    "export PGSERVICE=writer",
    `export PATH='${folder}':"$PATH"`,
  ];
}

function report(stack: string, folder: string, connection: Connection): string {
  const psql = (name: string) => `PGSERVICEFILE='${join(folder, "pg_service.conf")}' psql service=${name}`;
  const option = stack === "dev" ? "" : ` --stack ${stack}`;
  return [
    "The API, and a token for its writes:",
    `  curl http://127.0.0.1:${connection.api.port}/health/detailed`,
    `  npm run --silent token --${option} --address DU1`,
    "",
    "PostgreSQL (the writer and the reader follow the roles; a single node may be either):",
    ...services(connection).map(({ name }) => `  ${psql(name)}`),
    "",
    "Redis Cluster, as the operator:",
    `  '${join(folder, "redis-cli")}' info memory`,
    "",
    "A shell with psql and redis-cli of the stack's own images, where psql leads to the writer as",
    `"psql -U ${LOGINS.owner} -d ${connection.database}" does:`,
    ...shellLines(folder).map((line) => `  ${line}`),
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
  ].join("\n");
}

await runCommand(async () => {
  const { stack } = command.parse().opts<{ stack: string }>();
  const environment = pulumiEnvironment(stack);
  await new Progress(process.stderr).step("Pulumi engine", ensurePulumiEngine);
  ensureLocalState(stack, environment);
  const pulumi = new Pulumi(stack, environment);
  const snapshot = await pulumi.export();
  // Secrets are encrypted with the stack's own key: an empty stack takes them before the first "npm run up".
  if (!snapshot) await pulumi.create();
  if (resourcesOf(snapshot).length === 0) {
    process.stdout.write(plainPulumi(environment));
    throw new Failure(`The stack "${stack}" is not up. Run "npm run up", and come here again for the rest.`);
  }
  const connection = await readConnection(stack, environment);
  const folder = writeConnectionFiles(stack, connection);
  process.stdout.write(`${report(stack, folder, connection)}\n${plainPulumi(environment)}`);
  return 0;
});
