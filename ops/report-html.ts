import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { runCommand } from "../tools/failure.ts";
import { LOCAL, ROOT } from "../tools/layout.ts";
import { monitoringAddresses } from "./monitoring/addresses.ts";
import { Prometheus } from "./monitoring/prometheus.ts";
import { readFiring } from "./report/firing.ts";
import { renderPage } from "./report/page.ts";
import { readPlots } from "./report/plots.ts";
import { readTiles } from "./report/tiles.ts";

const DASHBOARD = "dujyo-overview";

const command = new Command("report:html")
  .description(
    "Writes the overview as one HTML page that needs no server: figures and alerts of this moment, the last hour's series with their goals.",
  )
  .option("--stack <name>", "which stack", "dev")
  .option("--prometheus <url>", "where Prometheus answers, if not on the stack's own port");

await runCommand(async () => {
  const options = command.parse().opts<{ stack: string; prometheus?: string }>();
  const addresses = monitoringAddresses(options.stack, { prometheus: options.prometheus });
  const prometheus = new Prometheus(addresses.prometheus);
  const [tiles, tables, plots] = await Promise.all([
    readTiles(ROOT, DASHBOARD, prometheus),
    readFiring(prometheus),
    readPlots(ROOT, DASHBOARD, prometheus),
  ]);
  const page = await renderPage({ stack: options.stack, title: "Dujyo: overview", tiles, tables, plots });
  const folder = join(LOCAL, "reports");
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${options.stack}-overview.html`);
  writeFileSync(path, page);
  const drawn = plots.filter(({ series }) => series.length > 0).length;
  process.stdout.write(`${path}: ${drawn} of ${plots.length} plots have values\n`);
  return 0;
});
