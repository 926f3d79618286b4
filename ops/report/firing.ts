import type { ActiveAlert, Prometheus } from "../monitoring/prometheus.ts";
import type { ReportTable } from "./sql-tables.ts";

const ORDER = ["page", "ticket", "info"];

/** What asks for somebody now: alerts that fire, the most urgent first, and parts that can not be read. */
export async function readFiring(prometheus: Prometheus): Promise<ReportTable[]> {
  const [alerts, targets] = await Promise.all([prometheus.alerts(), prometheus.targets()]);
  const rank = ({ labels }: ActiveAlert) => ORDER.indexOf(labels.severity ?? "");
  const firing = alerts
    // The dead man's switch fires always.
    .filter(({ state, name }) => state === "firing" && name !== "Watchdog")
    .sort((a, b) => rank(a) - rank(b) || a.since.localeCompare(b.since));
  return [
    {
      title: "Alerts firing",
      description: "The most urgent first. Each has a runbook: docs/runbooks/<alert>.md.",
      columns: ["severity", "alert", "member", "since (UTC)", "what"],
      rows: firing.map(({ name, labels, since, summary }) => [
        labels.severity ?? "",
        name,
        labels.instance ?? labels.standby ?? "",
        since.replace("T", " ").slice(0, 16),
        summary,
      ]),
    },
    {
      title: "Targets down",
      description: "Parts that Prometheus can not read.",
      columns: ["part", "member", "error"],
      rows: targets.filter(({ up }) => !up).map(({ job, instance, error }) => [job, instance, error]),
    },
  ];
}
