import { basename } from "node:path";
import type * as pulumi from "@pulumi/pulumi";
import { parse } from "yaml";
import type { Rule, RuleFile } from "../../target.ts";
import { scrapeJobs } from "./connection-graph.ts";
import { dashboardFiles } from "./grafana.ts";
import { scrapeIdentities } from "./identity.ts";
import { type RuleText, ruleFiles } from "./rule-files.ts";
import { scrapeTiming } from "./scrape.ts";
import type { MonitoringArgs } from "./sources.ts";

/** Alerts on Prometheus and Alertmanager themselves: those that are not the stack's have alerts of their own. */
const OF_THE_WATCHER = new Set([
  "Watchdog",
  "RuleEvaluationFailing",
  "AlertmanagerUnreachable",
  "AlertsNotDelivered",
  "PrometheusConfigNotLoaded",
  "AlertmanagerConfigNotLoaded",
  "PrometheusStorageFailing",
]);

/**
 * Hands the stack's scrape jobs, rules and dashboards over to a monitoring that the platform has already.
 *
 * @throws Error where the platform has none: the settings refuse that before
 */
export function handOver(args: MonitoringArgs, parent: pulumi.Resource): void {
  const { target, settings } = args;
  if (!target.watch) throw new Error(`bug: nothing watches on ${target.name}; use monitoring.mode bundled`);
  const jobs = scrapeJobs(args);
  const names = jobs.map(({ job }) => job);
  target.watch(
    {
      jobs,
      ...scrapeTiming(settings.monitoring),
      identities: scrapeIdentities(args, parent),
      labels: settings.monitoring.operator.labels,
      rules: sharedRules(ruleFiles(settings, names), names),
      dashboards: dashboardFiles().map(({ path, content }) => ({ name: basename(path, ".json"), content })),
    },
    { parent },
  );
}

/**
 * The rules for a Prometheus that watches others as well: without those on itself, and with those on all jobs but some
 * narrowed to the stack's own.
 *
 * @param jobs names of the stack's scrape jobs
 * @throws Error where an alert that is to be left out is not there: a mistake of the program
 */
export function sharedRules(files: readonly RuleText[], jobs: readonly string[]): RuleFile[] {
  const parsed = files.map(({ path, content }) => ({
    name: basename(path, ".yml"),
    ...(parse(content) as Pick<RuleFile, "groups">),
  }));
  const alerts = parsed.flatMap(({ groups }) =>
    groups.flatMap(({ rules }) => rules.map(({ alert }) => alert)),
  );
  const unknown = [...OF_THE_WATCHER].filter((alert) => !alerts.includes(alert));
  if (unknown.length > 0) throw new Error(`bug: no rule has the alert ${unknown.join(", ")}`);
  return parsed.map(({ name, groups }) => ({
    name,
    groups: groups.map((group) => ({
      ...group,
      rules: group.rules
        .filter(({ alert = "" }) => !OF_THE_WATCHER.has(alert))
        .map((rule): Rule => ({ ...rule, expr: ofTheStack(rule.expr, jobs) })),
    })),
  }));
}

/** "All jobs but these" would take in the jobs of others. */
function ofTheStack(expression: string, jobs: readonly string[]): string {
  return expression.replaceAll(/\bjob!~"([^"]*)"/g, (_, excepted: string) => {
    const left = jobs.filter((job) => !excepted.split("|").includes(job));
    return `job=~"${left.join("|")}"`;
  });
}
