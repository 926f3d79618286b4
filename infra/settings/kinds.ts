import { isIPv4 } from "node:net";
import { z } from "zod";
import { type Duration, isDuration, isSize, milliseconds, type Size } from "../lib/units.ts";

/** A whole number between two limits; the limits are part of the error a user reads. */
export const whole = (min: number, max: number, fallback: number) =>
  z
    .int({ error: (issue) => `is ${JSON.stringify(issue.input)}; use a whole number from ${min} to ${max}` })
    .min(min, { error: (issue) => `is ${issue.input}; use a whole number from ${min} to ${max}` })
    .max(max, { error: (issue) => `is ${issue.input}; use a whole number from ${min} to ${max}` })
    .default(fallback);

export const size = (fallback: Size) =>
  z
    .custom<Size>((value) => typeof value === "string" && isSize(value), {
      error: (issue) =>
        `is ${JSON.stringify(issue.input)}; write a size such as "512 MB" (units B, KB, MB, GB, TB)`,
    })
    .default(fallback);

/** A span of time between two limits, which are part of the error a user reads and of `docs/settings.md`. */
export const duration = (least: Duration, most: Duration, fallback: Duration) => {
  const error = (input: unknown) =>
    `is ${JSON.stringify(input)}; write a duration from "${least}" to "${most}" (units ms, s, min, h, d)`;
  const within = (value: Duration) =>
    milliseconds(value) >= milliseconds(least) && milliseconds(value) <= milliseconds(most);
  return z
    .custom<Duration>((value) => typeof value === "string" && isDuration(value) && within(value), {
      error: (issue) => error(issue.input),
    })
    .meta({ least, most })
    .default(fallback);
};

export const flag = (fallback: boolean) =>
  z.boolean({ error: (issue) => `is ${JSON.stringify(issue.input)}; use true or false` }).default(fallback);

/** A network in IPv4 whose address has no bit beyond its length. */
const ipv4Network = (example: string, lengths: readonly [number, number]) =>
  z.custom<string>((value) => typeof value === "string" && isNetwork(value, lengths), {
    error: (issue) =>
      `is ${JSON.stringify(issue.input)}; use an IPv4 network such as "${example}", each number from 0 to 255, ` +
      `${lengths[0] === lengths[1] ? `/${lengths[0]}` : `/${lengths[0]} to /${lengths[1]}`}, no bit set beyond that`,
  });

/** One network, such as "10.244.0.0/16". */
export const network = (fallback: string, lengths: readonly [number, number] = [0, 32]) =>
  ipv4Network(fallback, lengths).default(fallback);

/** Networks of clients. One that names half of the Internet or more is no list of who may come. */
export const clientNetworks = () =>
  z
    .array(ipv4Network("10.8.0.0/24", [8, 32]), {
      error: (issue) =>
        `is ${JSON.stringify(issue.input)}; use a list of IPv4 networks such as ["10.8.0.0/24"]`,
    })
    .default([]);

function isNetwork(text: string, [shortest, longest]: readonly [number, number]): boolean {
  const match = /^([\d.]+)\/(\d{1,2})$/.exec(text);
  if (!match?.[1] || !isIPv4(match[1])) return false;
  const length = Number(match[2]);
  const address = match[1].split(".").reduce((sum, number) => sum * 256 + Number(number), 0);
  return length >= shortest && length <= longest && address % 2 ** (32 - length) === 0;
}

export const choice = <const T extends readonly [string, ...string[]]>(values: T, fallback: T[number]) =>
  z
    .enum(values, { error: (issue) => `is ${JSON.stringify(issue.input)}; use one of ${values.join(", ")}` })
    .default(fallback as never);

export const cpus = (fallback: number) =>
  z
    .number({
      error: (issue) => `is ${JSON.stringify(issue.input)}; use a number of processors from 0.1 to 64`,
    })
    .min(0.1, { error: (issue) => `is ${issue.input}; use at least 0.1 processors` })
    .max(64, { error: (issue) => `is ${issue.input}; use at most 64 processors` })
    .default(fallback);

export const share = (fallback: number) =>
  z
    .number({ error: (issue) => `is ${JSON.stringify(issue.input)}; use a number from 0.01 to 1` })
    .min(0.01, { error: (issue) => `is ${issue.input}; use at least 0.01` })
    .max(1, { error: (issue) => `is ${issue.input}; use at most 1` })
    .default(fallback);

export const section = <T extends z.ZodRawShape>(shape: T) => z.strictObject(shape).prefault({} as never);
