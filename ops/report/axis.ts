import type { Plot } from "./plots.ts";

/** A bound this many times above the highest value is told in words: drawn, it would press the values flat. */
const STRETCH = 4;

export interface Axis {
  /** Absent where the plotting library may choose. */
  readonly top?: number;
  /** Bounds that are on the axis. */
  readonly drawn: Plot["bounds"];
  /** Bounds that are above it. */
  readonly above: Plot["bounds"];
}

/** Where a plot's axis ends, so that the bounds that matter are on it and the values can still be told apart. */
export function axisOf({ series, bounds, max, stacked }: Plot): Axis {
  const sorted = bounds.toSorted((a, b) => a.at - b.at);
  if (max !== undefined) return split(sorted, max, max);
  const highest = highestValue(series, stacked);
  // Nothing happened: the first bound tells what the height would mean.
  const limit = highest > 0 ? highest * STRETCH : (sorted.find(({ at }) => at > 0)?.at ?? 0);
  const highestDrawn = Math.max(0, ...sorted.filter(({ at }) => at <= limit).map(({ at }) => at));
  return highestDrawn > highest ? split(sorted, limit, highestDrawn * 1.05) : split(sorted, limit);
}

function split(bounds: Plot["bounds"], limit: number, top?: number): Axis {
  return {
    ...(top === undefined ? {} : { top }),
    drawn: bounds.filter(({ at }) => at <= limit),
    above: bounds.filter(({ at }) => at > limit),
  };
}

function highestValue(series: Plot["series"], stacked: boolean): number {
  const heights = new Map<number, number>();
  let highest = 0;
  for (const { points } of series)
    for (const [time, value] of points) {
      if (!Number.isFinite(value)) continue;
      const height = stacked ? (heights.get(time) ?? 0) + value : value;
      heights.set(time, height);
      highest = Math.max(highest, height);
    }
  return highest;
}
