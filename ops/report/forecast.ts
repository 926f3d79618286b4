/** Where a figure that grows leads to. */
export interface Forecast {
  readonly name: string;
  /** Grafana's name of the unit. */
  readonly unit: string;
  readonly now: number;
  readonly limit: number;
  /** Units per day, over the time that was looked at. */
  readonly per_day: number;
  /** Days until the limit; null where it is not approached within ten years. */
  readonly days_left: number | null;
  /** Days that it was told from. */
  readonly basis_days: number;
}

const DAY = 86_400;
const FAR = 3_650;

/** Unix seconds and value. */
export type Point = readonly [time: number, value: number];

/** Units per second of the straight line that fits best; 0 for fewer than two points. */
export function slope(points: readonly Point[]): number {
  const count = points.length;
  const mean = (of: (point: Point) => number) => points.reduce((sum, point) => sum + of(point), 0) / count;
  const time = mean(([at]) => at);
  const value = mean(([, is]) => is);
  const spread = points.reduce((sum, [at]) => sum + (at - time) ** 2, 0);
  return spread > 0 ? points.reduce((sum, [at, is]) => sum + (at - time) * (is - value), 0) / spread : 0;
}

/** Goes on with the straight line through the points. @returns undefined without points */
export function forecast(
  name: string,
  unit: string,
  points: readonly Point[],
  limit: number,
): Forecast | undefined {
  const finite = points.filter(([, value]) => Number.isFinite(value));
  const [first] = finite;
  const last = finite.at(-1);
  if (!first || !last) return undefined;
  const perDay = slope(finite) * DAY;
  const [, now] = last;
  const left = now >= limit ? 0 : perDay > 0 ? (limit - now) / perDay : Number.POSITIVE_INFINITY;
  return {
    name,
    unit,
    now,
    limit,
    per_day: perDay,
    days_left: left <= FAR ? left : null,
    basis_days: (last[0] - first[0]) / DAY,
  };
}
