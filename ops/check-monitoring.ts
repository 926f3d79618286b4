import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { Failure, runCommand } from "../tools/failure.ts";
import { ROOT } from "../tools/layout.ts";
import { namespaceOf, reachCluster } from "../tools/stack/kubernetes-cluster.ts";
import { pulumiEnvironment } from "../tools/stack/local-state.ts";
import { stackSettings } from "../tools/stack/settings.ts";
import { connectionOf } from "./connection.ts";
import { readOutputs } from "./connection-store.ts";
import { Forwarded } from "./kubernetes-connection.ts";
import { type MonitoringAddresses, monitoringAddresses } from "./monitoring/addresses.ts";
import { count, withCounts } from "./monitoring/counts-table.ts";
import { DRILLS, type DrillName, drill } from "./monitoring/drill.ts";
import { exceptionsFor } from "./monitoring/exceptions.ts";
import { dashboardVariables, panelQueries, readRules } from "./monitoring/expressions.ts";
import { lacking, liveCheck } from "./monitoring/live-check.ts";
import type { Prometheus } from "./monitoring/prometheus.ts";
import { startTraffic } from "./monitoring/traffic.ts";
import { onLoopback, throughCluster } from "./monitoring/way-in.ts";
import { Refusal } from "./refusal.ts";
import { formatTable } from "./table.ts";

const command = new Command("check:monitoring")
  .description(
    "Proves on the running stack that every target is up, that every metric of a rule or panel exists, that every panel shows data, and that no alert fires but the dead man's switch. Exit code 0 only if all holds.",
  )
  .option("--stack <name>", "which stack", "dev")
  .option(
    "--drill [faults]",
    `also break parts and follow the alerts to a receiver: ${Object.keys(DRILLS).join(", ")}; all without a list`,
  )
  .option("--write", "write the counts into docs/monitoring.md", false)
  .option("--prometheus <url>", "where Prometheus answers, if not on the stack's own port")
  .option("--alertmanager <url>", "where Alertmanager answers")
  .option("--api <url>", "where the API answers");

interface Options extends Partial<MonitoringAddresses> {
  readonly stack: string;
  readonly drill?: string | true;
  readonly write: boolean;
}

async function check(options: Options): Promise<number> {
  const settings = stackSettings(options.stack);
  const addresses = monitoringAddresses(options.stack, options);
  const drills = chosenDrills(options.drill);
  if (drills.length > 0 && settings.target !== "docker")
    throw new Refusal("--drill breaks containers of a Docker engine; on Kubernetes the check goes without.");
  const outputs = await readOutputs(options.stack, pulumiEnvironment(options.stack));
  const wayIn =
    settings.target === "kubernetes"
      ? await throughCluster(
          await Forwarded.into(await reachCluster(settings), namespaceOf(options.stack, settings)),
          outputs,
        )
      : onLoopback(addresses, connectionOf(outputs));
  const stop = startTraffic(wayIn);
  try {
    const well = await checkLive(wayIn.prometheus, options);
    for (const name of drills) {
      const pages = await drill({ names: [name], stack: options.stack, addresses, onEvent: print });
      for (const line of pages) print(`page     ${line}`);
    }
    return well ? 0 : 1;
  } finally {
    const { answered, failed } = await stop();
    print(`light traffic: ${answered} requests answered, ${failed} failed`);
  }
}

async function checkLive(prometheus: Prometheus, { stack, write }: Options): Promise<boolean> {
  const rules = readRules(join(ROOT, "config/prometheus/rules"));
  const dashboards = join(ROOT, "dashboards/generated");
  const queries = panelQueries(dashboards);
  const result = await liveCheck({
    prometheus,
    rules,
    queries,
    variables: dashboardVariables(dashboards),
    exceptions: exceptionsFor(stackSettings(stack)),
    onProgress: print,
  });
  const counts = count(ROOT);
  print(
    formatTable(
      ["what", "count", "lacking"],
      [
        ["targets up", String(result.targets - result.down.length), String(result.down.length)],
        ["metrics in rules and panels", String(result.metrics), String(result.missing.length)],
        ["panels", String(counts.panels), ""],
        ["queries with data", String(result.queries - result.empty.length), String(result.empty.length)],
        ["labels of legends, picks of variables", "", String(result.blind.length)],
        ["alerts", String(counts.alerts), ""],
        ["alerts that fire", String(result.firing.length), ""],
        ["alerts with tests", String(counts.tested), String(counts.alerts - counts.tested)],
        ["alerts with a runbook", String(counts.withRunbook), String(counts.alerts - counts.withRunbook)],
      ],
    ),
  );
  for (const line of result.down) print(`down     ${line}`);
  for (const line of result.missing) print(`missing  ${line}`);
  for (const line of result.empty) print(`empty    ${line}`);
  for (const line of result.blind) print(`blind    ${line}`);
  for (const { name, labels } of result.firing) print(`firing   ${name} ${labels.instance ?? ""}`);
  for (const line of result.excused) print(`excused  ${line}`);
  if (write) writeCounts(result.empty.length);
  return lacking(result) === 0 && counts.tested === counts.alerts && counts.withRunbook === counts.alerts;
}

function writeCounts(empty: number): void {
  const path = join(ROOT, "docs/monitoring.md");
  if (!existsSync(path)) throw new Failure("docs/monitoring.md is missing; restore it and repeat.");
  writeFileSync(path, withCounts(readFileSync(path, "utf8"), count(ROOT), empty));
}

function chosenDrills(given: string | true | undefined): DrillName[] {
  const all = Object.keys(DRILLS) as DrillName[];
  if (given === undefined) return [];
  if (given === true) return all;
  const names = given.split(",");
  const unknown = names.filter((name) => !all.includes(name as DrillName));
  if (unknown.length > 0)
    throw new Failure(`There is no drill "${unknown.join(", ")}"; there are: ${all.join(", ")}.`);
  return names as DrillName[];
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

await runCommand(() => check(command.parse().opts<Options>()));
