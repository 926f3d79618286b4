import { z } from "zod";
import { type Duration, isDuration, isSize, type Size } from "../lib/units.ts";

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

export const duration = (fallback: Duration) =>
  z
    .custom<Duration>((value) => typeof value === "string" && isDuration(value), {
      error: (issue) =>
        `is ${JSON.stringify(issue.input)}; write a duration such as "30 s" (units ms, s, min, h, d)`,
    })
    .default(fallback);

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
