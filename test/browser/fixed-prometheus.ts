import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** Heights of the curves, by what is in the expression; the first that fits. Others are shares. */
const LEVELS: readonly [RegExp, number][] = [
  [/ratio_rate(1h|6h|1d|3d)/, 0.8],
  [/errors:ratio/, 0.0004],
  [/quantile\(0\.99/, 0.11],
  [/quantile\(0\.95/, 0.045],
  [/duration_seconds_sum/, 0.012],
  [/responses_total|commands_processed|calls_total/, 120],
  [/lag_bytes/, 40_000],
  [/statements_slow/, 0],
];

/** What a label of this name says, series by series. */
const LABELS: Readonly<Record<string, readonly string[]>> = {
  status: ["2xx", "4xx"],
  instance: ["postgres-0", "postgres-1", "postgres-2"],
  standby: ["postgres-1", "postgres-2"],
};

function seriesOf(expression: string): { label: string; value: string }[] {
  const label =
    /by \((\w+)\)/.exec(expression)?.[1] ?? /^(instance|standby)(?:_device)?:/.exec(expression)?.[1] ?? "";
  return (LABELS[label] ?? [""]).map((value) => ({ label, value }));
}

/** The same curve each time: it goes up and down three times, each series a little above the one before. */
function valueAt(expression: string, series: number, part: number): string {
  const [, level = 0.9] = LEVELS.find(([pattern]) => pattern.test(expression)) ?? [];
  return String(level * (1 + 0.2 * series) * (1 + 0.1 * Math.sin(part * 6 * Math.PI)));
}

const ALERT = {
  labels: { alertname: "RedisMemberDown", severity: "page", instance: "redis-3" },
  annotations: { summary: "redis-3 <is> down" },
  state: "firing",
  activeAt: "2026-01-02T03:04:05.678Z",
};

/** What stands in for Prometheus: its HTTP API with data that are always the same. */
export async function startFixedPrometheus(): Promise<{ url: string; server: Server }> {
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://localhost");
    const expression = searchParams.get("query") ?? "";
    const number = (name: string) => Number(searchParams.get(name));
    const matrix = () => {
      const [start, end, step] = [number("start"), number("end"), number("step")];
      const count = Math.floor((end - start) / step) + 1;
      return seriesOf(expression).map(({ label, value }, series) => ({
        metric: label ? { [label]: value } : {},
        values: Array.from({ length: count }, (_, at) => [
          start + at * step,
          valueAt(expression, series, at / count),
          // A third member came later, and so did its series.
        ]).slice(series === 2 ? count / 2 : 0),
      }));
    };
    const answers: Record<string, () => unknown> = {
      "/api/v1/query": () => ({
        resultType: "vector",
        result: [{ metric: {}, value: [0, now(expression)] }],
      }),
      "/api/v1/query_range": () => ({ resultType: "matrix", result: matrix() }),
      "/api/v1/alerts": () => ({ alerts: [ALERT, { ...ALERT, labels: { alertname: "Watchdog" } }] }),
      "/api/v1/targets": () => ({ activeTargets: [] }),
    };
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ status: "success", data: answers[pathname]?.() }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

/** Values of the figures on top. */
function now(expression: string): string {
  if (expression.includes("ALERTS")) return "1";
  if (expression.includes("up == 0")) return "0";
  if (expression.includes("primaries")) return "1";
  if (expression.includes("slots_ok")) return "16384";
  if (expression.includes("ratio_rate1h")) return "1.5";
  return "0.99957";
}
