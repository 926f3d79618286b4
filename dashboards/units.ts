const TITLES: Record<string, string> = {
  s: "time",
  percentunit: "share",
  bytes: "size",
  Bps: "bytes per second",
  reqps: "requests per second",
  ops: "operations per second",
  short: "count",
};

/** Grafana's names of the units that panels may have. */
export const UNITS = Object.keys(TITLES);

const BINARY = ["B", "KiB", "MiB", "GiB", "TiB"];

/** Units of time from the longest on: from how many seconds each is used, and how many it has. */
const TIMES = [
  [2 * 86_400, 86_400, "d"],
  [2 * 3_600, 3_600, "h"],
  [120, 60, "min"],
  [1, 1, "s"],
  [1e-3, 1e-3, "ms"],
  [0, 1e-6, "µs"],
] as const;

/** What an axis of this unit is called. */
export function unitTitle(unit: string): string {
  return TITLES[unit] ?? unit;
}

/** A value as a person reads it: `12 ms`, `97.5 %`, `1.5 GiB`, `1.2 k`. */
export function formatValue(value: number, unit: string): string {
  if (value === 0) return "0";
  if (unit === "s") {
    const [, seconds, name] = TIMES.find(([from]) => Math.abs(value) >= from) ?? [0, 1, "s"];
    return `${short(value / seconds)} ${name}`;
  }
  if (unit === "percentunit") return `${short(value * 100)} %`;
  if (unit === "bytes" || unit === "Bps") {
    const power = Math.max(0, Math.min(Math.floor(Math.log2(Math.abs(value)) / 10), BINARY.length - 1));
    return `${short(value / 2 ** (10 * power))} ${BINARY[power]}`;
  }
  for (const [power, name] of [
    [1e9, "G"],
    [1e6, "M"],
  ] as const)
    if (Math.abs(value) >= power) return `${short(value / power)} ${name}`;
  return Math.abs(value) >= 10_000 ? `${short(value / 1_000)} k` : short(value);
}

/** The same where no axis says that it is by the second: `10 k a second`. */
export function formatInSentence(value: number, unit: string): string {
  const text = formatValue(value, unit);
  return unit === "reqps" || unit === "ops" || unit === "Bps" ? `${text} a second` : text;
}

function short(value: number): string {
  return String(Number(value.toPrecision(3)));
}
