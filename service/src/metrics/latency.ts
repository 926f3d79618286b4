import type { Registry } from "prom-client";

/**
 * Seconds. The alert's and the targets' figures (5, 10, 50, 100, 200 ms, 1 s) are among them, so they read exactly; the
 * two above let a percentile be found beyond the alert's own bound.
 */
const BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 5] as const;

/** Durations of one route: a few array writes per observation, no label is looked up. */
export class RouteLatency {
  readonly buckets = new Float64Array(BOUNDS.length + 1);
  count = 0;
  sum = 0;

  observe(secondsTaken: number): void {
    let at = 0;
    while (at < BOUNDS.length && secondsTaken > (BOUNDS[at] as number)) at++;
    (this.buckets[at] as number)++;
    this.count++;
    this.sum += secondsTaken;
  }
}

/** A histogram by route whose children are found once, when the route is registered. */
export class Latencies {
  readonly #name: string;
  readonly #routes = new Map<string, RouteLatency>();

  constructor(registry: Registry, name: string, help: string) {
    this.#name = name;
    const metric = {
      name,
      help,
      type: "histogram",
      aggregator: "sum",
      get: async () => ({ name, help, type: "histogram", aggregator: "sum", values: this.#values() }),
      reset: () => undefined,
    };
    // The registry asks no more of a metric than this.
    registry.registerMetric(metric as unknown as Parameters<Registry["registerMetric"]>[0]);
  }

  route(route: string): RouteLatency {
    let latency = this.#routes.get(route);
    if (!latency) {
      latency = new RouteLatency();
      this.#routes.set(route, latency);
    }
    return latency;
  }

  /** All routes together. */
  total(): RouteLatency {
    const total = new RouteLatency();
    for (const { buckets, count, sum } of this.#routes.values()) {
      for (const [at, value] of buckets.entries()) total.buckets[at] = (total.buckets[at] ?? 0) + value;
      total.count += count;
      total.sum += sum;
    }
    return total;
  }

  #values(): { labels: Record<string, string | number>; value: number; metricName: string }[] {
    return [...this.#routes].flatMap(([route, { buckets, count, sum }]) => {
      let cumulative = 0;
      const counted = [...BOUNDS, "+Inf"].map((le, at) => {
        cumulative += buckets[at] ?? 0;
        return { labels: { le, route }, value: cumulative, metricName: `${this.#name}_bucket` };
      });
      return [
        ...counted,
        { labels: { route }, value: sum, metricName: `${this.#name}_sum` },
        { labels: { route }, value: count, metricName: `${this.#name}_count` },
      ];
    });
  }
}

/** All routes together, from the values that the registry gives. */
export function latencyOf(
  values: readonly { readonly value: number; readonly labels: object; readonly metricName?: string }[],
): RouteLatency {
  const total = new RouteLatency();
  const les = [...BOUNDS, "+Inf"].map(String);
  const cumulative = new Float64Array(les.length);
  for (const { value, labels, metricName } of values) {
    if (metricName?.endsWith("_sum")) total.sum += value;
    else if (metricName?.endsWith("_count")) total.count += value;
    else if ("le" in labels) (cumulative[les.indexOf(String(labels.le))] as number) += value;
  }
  for (const [at, value] of cumulative.entries()) total.buckets[at] = value - (cumulative[at - 1] ?? 0);
  return total;
}

/** Seconds below which the share `q` of the observations lies: the bound of their bucket, null without observations. */
export function quantile({ buckets, count }: RouteLatency, q: number): number | null {
  if (count === 0) return null;
  let seen = 0;
  for (const [at, value] of buckets.entries()) {
    seen += value;
    if (seen >= count * q) return BOUNDS[at] ?? BOUNDS[BOUNDS.length - 1] ?? null;
  }
  return null;
}
