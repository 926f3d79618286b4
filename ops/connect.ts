import { join } from "node:path";
import { Command } from "commander";
import type { Settings } from "../infra/settings/schema.ts";
import { Failure, runCommand } from "../tools/failure.ts";
import { ENGINE_BIN, ROOT } from "../tools/layout.ts";
import { Progress } from "../tools/setup/progress.ts";
import { ensurePulumiEngine } from "../tools/setup/pulumi-engine.ts";
import { namespaceOf, reachCluster } from "../tools/stack/kubernetes-cluster.ts";
import { ensureLocalState, type PulumiEnvironment, pulumiEnvironment } from "../tools/stack/local-state.ts";
import { Pulumi } from "../tools/stack/pulumi.ts";
import { stackSettings } from "../tools/stack/settings.ts";
import { resourcesOf } from "../tools/stack/snapshot.ts";
import { type Connection, LOGINS } from "./connection.ts";
import { natMap, services } from "./connection-files.ts";
import { readConnection, readOutputs, writeConnectionFiles } from "./connection-store.ts";
import { Forwarded } from "./kubernetes-connection.ts";
import { Refusal } from "./refusal.ts";

const command = new Command("connect")
  .description(
    "Prints what is needed to get in, ready to paste, and writes the files for it (readable by you alone).",
  )
  .option("--stack <name>", "which stack", "dev")
  .option(
    "--forward",
    "on Kubernetes: lead ports of this machine into the cluster for as long as this command runs",
    false,
  );

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

/** A stack on Kubernetes through forwarded ports. */
async function throughCluster(
  stack: string,
  settings: Settings,
  environment: PulumiEnvironment,
): Promise<Connection> {
  const outputs = await readOutputs(stack, environment);
  const forwarded = await Forwarded.into(await reachCluster(settings), namespaceOf(stack, settings));
  const connection = await forwarded.connection(outputs);
  const { enabled, mode } = settings.monitoring;
  if (!enabled || mode === "operator") return connection;
  const { prometheus, alertmanager } = await forwarded.monitoring();
  const pages = Object.entries({ Prometheus: prometheus, Alertmanager: alertmanager });
  return { ...connection, pages: pages.map(([name, url]) => ({ name, port: Number(new URL(url).port) })) };
}

await runCommand(async () => {
  const { stack, forward } = command.parse().opts<{ stack: string; forward: boolean }>();
  const settings = stackSettings(stack);
  const onKubernetes = settings.target === "kubernetes";
  if (forward && !onKubernetes)
    throw new Refusal(`The stack "${stack}" publishes its ports on this machine: leave --forward away.`);
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
  if (onKubernetes && !forward) {
    const line = `npm run connect -- --stack ${stack} --forward`;
    process.stdout.write(`Ways in, for as long as it runs:\n  ${line}\n\n${plainPulumi(environment)}`);
    return 0;
  }
  const connection = await (onKubernetes
    ? throughCluster(stack, settings, environment)
    : readConnection(stack, environment));
  const folder = writeConnectionFiles(stack, connection);
  process.stdout.write(`${report(stack, folder, connection)}\n${plainPulumi(environment)}`);
  if (!onKubernetes) return 0;
  process.stdout.write("\nThese ports lead into the cluster until you end this (Ctrl+C).\n");
  // Nothing else keeps the process: ways in do not.
  return new Promise(() => setInterval(() => undefined, 2 ** 30));
});
