const SIZE_FACTORS = { B: 1, KB: 2 ** 10, MB: 2 ** 20, GB: 2 ** 30, TB: 2 ** 40 } as const;
const DURATION_FACTORS = { ms: 1, s: 1_000, min: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** An amount of memory or disk with its unit, for example `"512 MB"`. Units are binary: 1 KB = 1024 B. */
export type Size = `${number} ${keyof typeof SIZE_FACTORS}`;

/** A span of time with its unit, for example `"30 s"`. */
export type Duration = `${number} ${keyof typeof DURATION_FACTORS}`;

function factorOf<T extends Record<string, number>>(text: string, factors: T): number | undefined {
  const match = /^(\d+(?:\.\d+)?) ([A-Za-z]+)$/.exec(text);
  const factor = match?.[2] === undefined ? undefined : factors[match[2]];
  return factor === undefined ? undefined : Number(match?.[1]) * factor;
}

/** Whether `text` is a {@link Size}. */
export function isSize(text: string): text is Size {
  return factorOf(text, SIZE_FACTORS) !== undefined;
}

/** Whether `text` is a {@link Duration}. */
export function isDuration(text: string): text is Duration {
  return factorOf(text, DURATION_FACTORS) !== undefined;
}

/** Bytes in a {@link Size}. Throws a RangeError for text that is none. */
export function bytes(size: Size): number {
  const value = factorOf(size, SIZE_FACTORS);
  if (value === undefined)
    throw new RangeError(`"${size}" is no size; write a number, a space and one of B, KB, MB, GB, TB`);
  return Math.floor(value);
}

/** Mebibytes in a {@link Size}, rounded down. */
export function mebibytes(size: Size): number {
  return Math.floor(bytes(size) / SIZE_FACTORS.MB);
}

/** Milliseconds in a {@link Duration}. Throws a RangeError for text that is none. */
export function milliseconds(duration: Duration): number {
  const value = factorOf(duration, DURATION_FACTORS);
  if (value === undefined)
    throw new RangeError(`"${duration}" is no duration; write a number, a space and one of ms, s, min, h, d`);
  return Math.floor(value);
}

/** Seconds in a {@link Duration}, rounded up. */
export function seconds(duration: Duration): number {
  return Math.ceil(milliseconds(duration) / DURATION_FACTORS.s);
}
