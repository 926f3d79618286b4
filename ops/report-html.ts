import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { runCommand } from "../tools/failure.ts";
import { LOCAL, ROOT } from "../tools/layout.ts";
import { monitoringAddresses } from "./monitoring/addresses.ts";
import { Prometheus } from "./monitoring/prometheus.ts";
import { renderPage } from "./report/page.ts";
import { readPlots } from "./report/plots.ts";

const command = new Command("report:html")
  .description("Draws the overview's series of the last hour into one HTML page that needs no server.")
  .option("--stack <name>", "which stack", "dev")
  .option("--prometheus <url>", "where Prometheus answers, if not on the stack's own port");

await runCommand(async () => {
  const options = command.parse().opts<{ stack: string; prometheus?: string }>();
  const { prometheus } = monitoringAddresses(options.stack, { prometheus: options.prometheus });
  const plots = await readPlots(ROOT, "dujyo-overview", new Prometheus(prometheus));
  const page = await renderPage({ stack: options.stack, title: "Dujyo: overview", plots });
  const folder = join(LOCAL, "reports");
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${options.stack}-overview.html`);
  writeFileSync(path, page);
  const drawn = plots.filter(({ series }) => series.length > 0).length;
  process.stdout.write(`${path}: ${drawn} of ${plots.length} plots have values\n`);
  return 0;
});
