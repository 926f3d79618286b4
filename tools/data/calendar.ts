import { Random } from "./random.ts";

const HOUR_US = 3_600_000_000;

/** Share of a day's traffic by UTC hour: quiet at four in the morning, busiest in the evening. */
const DAY = [5, 4, 3, 2, 2, 2, 3, 4, 6, 7, 8, 8, 9, 9, 9, 10, 11, 12, 14, 15, 15, 13, 10, 7];
/** Relative weight of the weekdays from Sunday on. */
const WEEK = [1.25, 0.9, 0.9, 0.95, 1, 1.15, 1.3];

/** Share of transactions that carry the very time of the one before. */
const SAME_TIME_SHARE = 0.04;

/**
 * Times of `count` transactions in microseconds since 1970, never falling, over the whole hours before `until`,
 * with the ups and downs of days and weeks.
 */
export function* makeTimes(count: number, days: number, until: Date, seed: number): Generator<number> {
  const random = new Random(seed, "times");
  const end = Math.floor(until.getTime() / 3_600_000) * HOUR_US;
  const hours = days * 24;
  const start = end - hours * HOUR_US;
  const weights = Array.from({ length: hours }, (_, hour) => weightOf(start + hour * HOUR_US));
  const total = weights.reduce((sum, weight) => sum + weight, 0);

  let previous = start;
  let emitted = 0;
  let share = 0;
  for (let hour = 0; hour < hours; hour += 1) {
    share += weights[hour] ?? 0;
    const due = hour === hours - 1 ? count : Math.round((share / total) * count);
    const inHour = due - emitted;
    for (let index = 0; index < inHour; index += 1) {
      const time = start + hour * HOUR_US + Math.floor(((index + random.next()) / inHour) * HOUR_US);
      if (!random.chance(SAME_TIME_SHARE)) previous = time;
      yield previous;
    }
    emitted = due;
  }
}

/** First microsecond that {@link makeTimes} covers. */
export function startOfHistory(days: number, until: Date): number {
  return (Math.floor(until.getTime() / 3_600_000) - days * 24) * HOUR_US;
}

function weightOf(micros: number): number {
  const date = new Date(micros / 1000);
  return (DAY[date.getUTCHours()] ?? 1) * (WEEK[date.getUTCDay()] ?? 1);
}
