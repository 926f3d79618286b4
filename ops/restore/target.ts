import { Refusal } from "../refusal.ts";

/** Where a restore ends, as it was typed. */
export interface TargetOptions {
  readonly toTime?: string;
  readonly toLsn?: string;
  readonly latest?: boolean;
  /** Whole number, as typed; of the log that is followed beyond the backup. */
  readonly timeline?: string;
}

/** Where a restore ends. */
export interface Target {
  /** In words, after "up to". */
  readonly text: string;
  /** Whether what was sealed after it is to be gone; otherwise more may have been archived since the trial. */
  readonly ends: boolean;
  /** Options of `pgbackrest restore`. */
  readonly options: readonly string[];
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;
const LSN = /^[0-9A-F]{1,8}\/[0-9A-F]{1,8}$/i;

/** @throws Refusal where not exactly one target is given, or one that can not be meant */
export function readTarget({ toTime, toLsn, latest, timeline }: TargetOptions, now: Date): Target {
  const given = [toTime, toLsn, latest || undefined].filter((option) => option !== undefined);
  if (given.length !== 1)
    throw new Refusal(
      "Say where the restore ends, by one of --to-time <time>, --to-lsn <position>, --latest.",
    );
  if (timeline !== undefined && !/^[1-9]\d*$/.test(timeline))
    throw new Refusal(`--timeline is "${timeline}"; it has to be a whole number from 1.`);
  const along = timeline === undefined ? [] : [`--target-timeline=${timeline}`];
  // Without an action the instance would wait for a person at its target.
  const until = (type: string, target: string) => [
    ...[`--type=${type}`, `--target=${target}`, "--target-action=promote"],
    ...along,
  ];
  if (toTime !== undefined) return { text: toTime, ends: true, options: until("time", moment(toTime, now)) };
  if (toLsn === undefined)
    return {
      text: "all that is archived",
      ends: false,
      options: along.length > 0 ? ["--type=default", ...along] : [],
    };
  if (!LSN.test(toLsn))
    throw new Refusal(`--to-lsn is "${toLsn}"; it has to be a position in the log, such as 0/1A2B3C4D.`);
  return { text: toLsn, ends: true, options: until("lsn", toLsn) };
}

/** A moment as PostgreSQL reads it. */
function moment(time: string, now: Date): string {
  const at = TIME.test(time) ? new Date(time) : undefined;
  if (at === undefined || Number.isNaN(at.getTime()))
    throw new Refusal(
      `--to-time is "${time}"; it has to be a time with its zone, such as 2026-01-31T08:15:00Z or 2026-01-31T09:15:00+01:00.`,
    );
  if (at > now) throw new Refusal(`--to-time is ${time}, which is yet to come; it is ${now.toISOString()}.`);
  // As it was typed, since PostgreSQL knows microseconds.
  return time.replace("T", " ").replace(/Z$/, "+00");
}
