const TITLES: Record<string, string> = {
  s: "time",
  percentunit: "share",
  bytes: "size",
  Bps: "bytes per second",
  reqps: "requests per second",
  ops: "operations per second",
  short: "count",
};

const BINARY = ["B", "KiB", "MiB", "GiB", "TiB"];

/** What an axis of this unit is called. */
export function unitTitle(unit: string): string {
  return TITLES[unit] ?? unit;
}

/** A value as a person reads it: `12 ms`, `97.5 %`, `1.5 GiB`, `1.2 k`. */
export function formatValue(value: number, unit: string): string {
  if (value === 0) return "0";
  if (unit === "s")
    return value < 0.001
      ? `${short(value * 1e6)} µs`
      : value < 1
        ? `${short(value * 1e3)} ms`
        : `${short(value)} s`;
  if (unit === "percentunit") return `${short(value * 100)} %`;
  if (unit === "bytes" || unit === "Bps") {
    const power = Math.max(0, Math.min(Math.floor(Math.log2(Math.abs(value)) / 10), BINARY.length - 1));
    return `${short(value / 2 ** (10 * power))} ${BINARY[power]}`;
  }
  return Math.abs(value) >= 10_000 ? `${short(value / 1_000)} k` : short(value);
}

function short(value: number): string {
  return String(Number(value.toPrecision(3)));
}
