import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type * as pulumi from "@pulumi/pulumi";
import { readConfig, render } from "../../lib/render.ts";
import { bytes, seconds } from "../../lib/units.ts";
import { PORTS } from "../../ports.ts";
import { Password } from "../../secrets/password.ts";
import type { FileSpec } from "../../target.ts";
import { listenerFiles } from "./listener.ts";
import type { MonitoringArgs } from "./sources.ts";

const MB = 2 ** 20;
const DASHBOARDS = fileURLToPath(new URL("../../../dashboards/generated/", import.meta.url));

/**
 * Deploys Grafana with the dashboards of `dashboards/generated`. On a developer's loopback interface anyone may look without a
 * login; elsewhere the page has TLS and asks for one.
 *
 * @returns the password of its user `admin`
 */
export function deployGrafana(args: MonitoringArgs, parent: pulumi.Resource): pulumi.Output<string> {
  const { target, settings, authority } = args;
  const part = "grafana";
  const scheme = target.loopbackPages ? "http" : "https";
  const adminPassword = new Password("grafana-admin-password", { parent }).value;
  const rootUrl = `${scheme}://localhost:${PORTS.grafana + settings.portOffset}/`;
  target.members(
    part,
    {
      image: "grafana",
      count: 1,
      storage: 256 * MB,
      limits: { memory: bytes(settings.monitoring.grafanaMemory), cpus: settings.monitoring.exporterCpus },
      ports: [{ name: "page", port: PORTS.grafana, published: PORTS.grafana + settings.portOffset }],
      environment: { OWN_URL: `${scheme}://localhost:${PORTS.grafana}` },
      files: [
        ...listenerFiles(part, [...target.memberHosts(part, 0), part], authority, parent),
        { path: "secrets/grafana-admin-password", content: adminPassword },
        {
          path: "secrets/grafana-secret-key",
          content: new Password("grafana-secret-key", { parent }).value,
        },
        {
          path: "grafana.ini",
          content: render("grafana/grafana.ini", {
            scheme,
            rootUrl,
            anonymous: String(target.loopbackPages),
          }),
        },
        {
          path: "provisioning/datasources/prometheus.yml",
          content: render("grafana/provisioning/datasources/prometheus.yml", {
            url: `${scheme}://prometheus-0:${PORTS.prometheus}`,
            scrapeInterval: `${seconds(settings.monitoring.scrapeInterval)}s`,
            tls: String(!target.loopbackPages),
          }),
        },
        {
          path: "provisioning/dashboards/dujyo.yml",
          content: readConfig("grafana/provisioning/dashboards/dujyo.yml"),
        },
        ...dashboardFiles(),
      ],
      stopGrace: 10,
      startTimeout: 120,
      member: () => ({}),
    },
    { parent },
  );
  return adminPassword;
}

/** The dashboards of `dashboards/generated`. */
export function dashboardFiles(): (FileSpec & { readonly content: string })[] {
  return readdirSync(DASHBOARDS)
    .filter((file) => file.endsWith(".json"))
    .sort()
    .map((file) => ({
      path: `dashboards/${file}`,
      content: readFileSync(join(DASHBOARDS, file), "utf8"),
    }));
}
