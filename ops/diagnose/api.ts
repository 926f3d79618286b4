import { formatValue } from "../../dashboards/units.ts";
import { Prometheus, type Sample } from "../monitoring/prometheus.ts";
import type { RunningStack } from "../running-stack.ts";
import { ALERTS } from "./cause.ts";
import { type Finding, percent } from "./finding.ts";

/** What the monitoring knows of the API, and what it has raised an alarm about. */
export interface ApiFigures {
  /** Breakers, by instance and name; more than 0 is open. */
  readonly breakers: readonly Sample[];
  /** Share of 5xx in the last 5 minutes; undefined without requests. */
  readonly errors: number | undefined;
  /** Seconds, 95th percentile of 5 minutes. */
  readonly p95: number | undefined;
  /** Share of look-ups of the last 10 minutes that a cache answered. */
  readonly hits: number | undefined;
  /** Requests per second. */
  readonly requests: number | undefined;
  /** Names of alerts that are firing. */
  readonly alerts: readonly { readonly name: string; readonly subject: string }[];
}

/** Asks the monitoring; a finding instead where it is off or does not answer. */
export async function apiFindings({ settings, monitoring }: RunningStack): Promise<Finding[]> {
  const silent = (figure: string, bad: boolean): Finding[] => [
    { area: "monitoring", subject: "prometheus", figure, bound: "", bad, runbook: "TargetDown" },
  ];
  if (!settings.monitoring.enabled) return silent("is off in this stack: nothing is known of the API", false);
  if (settings.monitoring.mode === "operator")
    return silent("is the cluster's own: what it knows of the API is to be seen there", false);
  try {
    const { prometheus } = await monitoring();
    return judgeApi(await readApi(new Prometheus(prometheus)));
  } catch (error) {
    return silent((error as Error).message, true);
  }
}

async function readApi(prometheus: Prometheus): Promise<ApiFigures> {
  const one = async (expression: string): Promise<number | undefined> => {
    const [sample] = await prometheus.query(expression);
    return sample && Number.isFinite(sample.value) ? sample.value : undefined;
  };
  const [breakers, errors, p95, hits, requests, alerts] = await Promise.all([
    prometheus.query("max by (instance, breaker) (dujyo_api_breaker_state)"),
    one("stack:dujyo_api_errors:ratio_rate5m"),
    one("stack:dujyo_api_request_duration_seconds:p95_5m"),
    one("stack:dujyo_api_cache_hits:ratio_rate10m"),
    one("stack:dujyo_api_requests:rate5m"),
    prometheus.alerts(),
  ]);
  const firing = alerts.filter(({ name, state }) => state === "firing" && name !== "Watchdog");
  return {
    breakers,
    errors,
    p95,
    hits,
    requests,
    alerts: firing.map(({ name, labels }) => ({ name, subject: labels.instance ?? labels.part ?? "stack" })),
  };
}

/** Judges by the bounds of the alerts. */
export function judgeApi({ breakers, errors, p95, hits, requests, alerts }: ApiFigures): Finding[] {
  const api = (figure: string, bound: string, bad: boolean, runbook: string): Finding => ({
    area: "api",
    subject: "all instances",
    figure,
    bound,
    bad,
    runbook,
  });
  const open = breakers.filter(({ value }) => value > 0);
  const names = open.map(({ labels }) => `${labels.breaker} on ${labels.instance}`);
  return [
    api(
      open.length === 0 ? `all ${breakers.length} breakers closed` : `open breakers: ${names.join(", ")}`,
      "all closed",
      open.length > 0,
      "ApiBreakerOpen",
    ),
    ...(errors === undefined
      ? []
      : [
          api(
            `${percent(errors)} of ${(requests ?? 0).toFixed(1)} requests/s fail`,
            "<= 5 %",
            errors > 0.05,
            "ApiErrorsHigh",
          ),
        ]),
    ...(p95 === undefined
      ? []
      : [api(`95 % of the answers within ${formatValue(p95, "s")}`, "<= 1 s", p95 > 1, "ApiResponseSlow")]),
    ...(hits === undefined
      ? []
      : [api(`${percent(hits)} answered by caches`, ">= 80 %", hits < 0.8, "CacheHitsLow")]),
    ...alerts.map(({ name, subject }) => ({
      area: ALERTS,
      subject,
      figure: `${name} is firing`,
      bound: "",
      bad: true,
      runbook: name,
    })),
  ];
}
