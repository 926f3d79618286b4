import { alertThreshold, type Severity } from "./alert-thresholds.ts";

/** What it means to be beyond a bound: what the stack was built for, a goal that is missed, or an alert of this severity. */
export type Level = "capacity" | "goal" | Severity;

/** From the least to the worst, with Grafana's colours. */
export const LEVELS = {
  capacity: "blue",
  info: "purple",
  goal: "yellow",
  ticket: "orange",
  page: "red",
} as const satisfies Record<Level, string>;

/** A bound that is drawn: from `at` on, or below it where `below` is set, things are as `level` says. */
export interface Bound {
  readonly at: number;
  readonly level: Level;
  /** Small values are the bad ones. @default false */
  readonly below?: boolean;
  /** Says in the panel's description what the bound is. @default none, the description says it */
  readonly sentence?: (format: (value: number) => string) => string;
}

interface AlertOptions {
  /** Values are whole: the first one beyond is the next. @default false */
  readonly whole?: boolean;
  /** What the panel's values are multiples of. @default 1 */
  readonly per?: number;
}

/** Where an alert fires, in the colour of its severity. @throws as {@link alertThreshold} */
export function fires(alert: string, { whole = false, per = 1 }: AlertOptions = {}): Bound {
  const { when, number, severity } = alertThreshold(alert);
  // Division leaves a remainder in the last of sixteen digits.
  const scaled = Number((number / per).toPrecision(12));
  const next = (when === "beyond" && whole) || when === "at";
  return {
    at: next ? scaled + 1 : scaled,
    level: severity,
    below: when !== "beyond",
    sentence: (format) => `${alert} (${severity}) fires ${when} ${format(scaled)}.`,
  };
}

/** A goal of the specification. @param of what it is about, where the panel has several: `p95` */
export function goal(at: number, { below = false, of = "" } = {}): Bound {
  const name = of === "" ? "" : `${of} `;
  return {
    at,
    level: "goal",
    below,
    sentence: (format) => `Goal: ${name}${below ? "at least" : "below"} ${format(at)}.`,
  };
}

/** What the stack is built to carry on machines of its own; to come near it is no fault. */
export function builtFor(at: number): Bound {
  return {
    at,
    level: "capacity",
    sentence: (format) => `The stack is built for ${format(at)} on machines of its own.`,
  };
}

/** A state that is wrong by itself; the panel's description says what is normal. */
export function wrongFrom(at: number, level: Level): Bound {
  return { at, level };
}

/** The same for small values. */
export function wrongBelow(at: number, level: Level): Bound {
  return { at, level, below: true };
}

/** Colours by value, as Grafana wants them: each from its value up to the next one's. */
export function colourSteps(bounds: readonly Bound[]): { value: number | null; color: string }[] {
  const worst = Object.keys(LEVELS) as Level[];
  const colourAt = (value: number) => {
    const crossed = bounds.filter(({ at, below }) => (below ? value < at : value >= at));
    const level = Math.max(-1, ...crossed.map((bound) => worst.indexOf(bound.level)));
    return level < 0 ? "green" : LEVELS[worst[level] as Level];
  };
  const values = [...new Set(bounds.map(({ at }) => at))].sort((a, b) => a - b);
  return [
    { value: null, color: colourAt(Number.NEGATIVE_INFINITY) },
    ...values.map((value) => ({ value, color: colourAt(value) })),
  ];
}
