import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import capacity from "../../../config/capacity.json" with { type: "json" };
import { readConfig } from "../../lib/render.ts";
import { bytes, milliseconds, seconds } from "../../lib/units.ts";
import { RECOVERY_PROFILES, worstNodeLoss } from "../../settings/recovery.ts";
import { type Settings, settingsSchema } from "../../settings/schema.ts";
import type { FileSpec } from "../../target.ts";

const RULES = fileURLToPath(new URL("../../../config/prometheus/rules/", import.meta.url));

/** Settings that rules follow. */
export type RuleSettings = Pick<Settings, "api" | "monitoring" | "postgres" | "pgbouncer" | "ledger">;

/** What a failover itself brings about: they wait until it must be over, at whatever pace. */
const FAILOVER_ALERTS = new Set(["PatroniNoLeader", "WriterEndpointEmpty"]);

/** Share of `pgbouncer.queryWait` that a client may wait before somebody is called. */
const LONG_WAIT_SHARE = 1 / 3;
/** Blocks that may be missed before somebody is called. */
const MISSED_BLOCKS = 12;

/**
 * The rules below `config/prometheus/rules`, which are whole as they stand, with what belongs to this stack: thresholds
 * follow its settings, each alert says where its runbook is, whom to ask and where to look, and waits as long as
 * `monitoring.alertPace` has it.
 *
 * @param jobs names of the stack's scrape jobs: the absence of one is an alert, that of another is not, and rules on its
 *   series alone are left out
 * @throws Error where a rule lacks what is to be replaced in it: a mistake of the program
 */
export function ruleFiles(settings: RuleSettings, jobs: readonly string[]): RuleText[] {
  const { contacts } = settings.monitoring;
  const base = contacts.docs === "" ? "" : `${contacts.docs.replace(/\/$/, "")}/`;
  const further = (["support", "dashboard"] as const)
    .filter((contact) => contacts[contact] !== "")
    .map((contact) => `${contact}: ${JSON.stringify(contacts[contact])}`);
  const files = readdirSync(RULES)
    .filter((file) => file.endsWith(".yml"))
    .sort()
    .map((file) => ({ path: `rules/${file}`, content: readConfig(`prometheus/rules/${file}`) }));
  return watchingJobs(withFigures(files, settings), jobs).map(({ path, content }) => ({
    path,
    content: withWaits(content, settings).replaceAll(
      /^( +)(runbook_url: *["']?)(docs\/runbooks\/.*)$/gm,
      (_, indent, key, runbook) =>
        [`${indent}${key}${base}${runbook}`, ...further.map((line) => indent + line)].join("\n"),
    ),
  }));
}

/** A file of rules, YAML. */
export interface RuleText extends FileSpec {
  readonly path: string;
  readonly content: string;
}

/** Texts of rules that a setting decides; the files have them as the defaults make them. */
function figures({ api, postgres, pgbouncer, ledger }: RuleSettings): string[] {
  const sealing = milliseconds(ledger.sealInterval) / 1_000;
  const longWait = (milliseconds(pgbouncer.queryWait) / 1_000) * LONG_WAIT_SHARE;
  // A process has one core at most, and less where the container's share has to do for several.
  const cores = Math.min(api.workers, api.cpus);
  return [
    `> 0.7 * ${Math.round(capacity.requestsPerProcess * cores)}`,
    `lag_bytes:max > ${bytes(postgres.maxReplicaLag)}`,
    `beyond ${postgres.maxReplicaLag} it gets no reads`,
    `> ${milliseconds(postgres.slowQuery) / 1_000} * rate(pg_stat_statements_calls_total`,
    `mean above ${milliseconds(postgres.slowQuery)} ms`,
    `client_maxwait_seconds) > ${Number(longWait.toFixed(3))}`,
    `after ${pgbouncer.queryWait} it gets an error`,
    `pending_oldest_seconds) > ${sealing * MISSED_BLOCKS}`,
    `blocks are ${sealing} s apart, the limit is ${sealing * MISSED_BLOCKS} s`,
  ];
}

function withFigures(files: readonly RuleText[], settings: RuleSettings): RuleText[] {
  const wanted = figures(settings);
  return figures(settingsSchema.parse({})).reduce<RuleText[]>(
    (texts, standing, index) => {
      if (texts.filter(({ content }) => content.split(standing).length === 2).length !== 1)
        throw new Error(`bug: no rule, or more than one, has the text "${standing}"`);
      return texts.map(({ path, content }) => ({
        path,
        content: content.replace(standing, () => wanted[index] as string),
      }));
    },
    [...files],
  );
}

const ABSENCE = /^ +(?:or )?absent\(up\{job="(\w+)"\}\)\n/gm;

/** Leaves out the lines and the groups of jobs that this stack has not. */
function watchingJobs(files: readonly RuleText[], jobs: readonly string[]): RuleText[] {
  const known = files.flatMap(({ content }) => Array.from(content.matchAll(ABSENCE), ([, job = ""]) => job));
  const unknown = jobs.filter((job) => !known.includes(job));
  if (unknown.length > 0)
    throw new Error(`bug: no rule tells of the absence of the job ${unknown.join(", ")}`);
  return files
    .map(({ path, content }) => ({
      path,
      content: withoutGroups(content, jobs).replaceAll(ABSENCE, (line, job) =>
        jobs.includes(job) ? line : "",
      ),
    }))
    .filter(({ content }) => GROUP.test(content));
}

/** Groups whose series come with one job: without it nothing of them could ever fire. By their names. */
const JOB_OF_GROUP: Readonly<Record<string, string>> = {
  backup: "backup",
  containers: "containers",
  etcd: "etcd",
  "api-gateway": "gateway",
  "haproxy-gateway": "gateway",
  "node-hosts": "disks",
  "redis-hosts": "disks",
};

const GROUP = /^ {2}- name: (.+)$/m;

function withoutGroups(content: string, jobs: readonly string[]): string {
  const [head = "", ...groups] = content.split(/^(?=(?: {2}#.*\n)* {2}- name: )/m);
  return [
    head,
    ...groups.filter((group) => {
      const job = JOB_OF_GROUP[GROUP.exec(group)?.[1] ?? ""];
      return job === undefined || jobs.includes(job);
    }),
  ].join("");
}

function withWaits(content: string, { monitoring, postgres }: RuleSettings): string {
  const failover = worstNodeLoss(RECOVERY_PROFILES[postgres.recovery]) + seconds(monitoring.scrapeInterval);
  let alert = "";
  return content
    .split("\n")
    .map((line) => {
      alert = /^ +- alert: (\w+)$/.exec(line)?.[1] ?? alert;
      const [, key, wait] = /^( +for: )(\S+)$/.exec(line) ?? [];
      if (key === undefined || wait === undefined) return line;
      const paced = atPace(wait, monitoring.alertPace);
      const tooShort = FAILOVER_ALERTS.has(alert) && inSeconds(paced) < failover;
      return key + (tooShort ? `${Math.ceil(failover)}s` : paced);
    })
    .join("\n");
}

const UNIT_SECONDS = { s: 1, m: 60, h: 3_600, d: 86_400 } as const;

/** Seconds in `wait`, a time as Prometheus writes it: `1h30m`. */
export function inSeconds(wait: string): number {
  return [...wait.matchAll(/(\d+)([smhd])/g)].reduce(
    (sum, [, count, unit]) => sum + Number(count) * UNIT_SECONDS[unit as keyof typeof UNIT_SECONDS],
    0,
  );
}

/** `wait`, a time as Prometheus writes it, at `pace`; whole seconds, at least one. */
export function atPace(wait: string, pace: number): string {
  return pace === 1 ? wait : `${Math.max(1, Math.round(inSeconds(wait) * pace))}s`;
}
