/** A position in the write-ahead log, as a number: exact up to 8 PiB of log. */
export type Lsn = number;

const PATTERN = /^([0-9A-Fa-f]{1,8})\/([0-9A-Fa-f]{1,8})$/;

/** The position that `X/Y` names, or undefined if the text is none. */
export function parseLsn(text: string): Lsn | undefined {
  const match = PATTERN.exec(text);
  if (!match?.[1] || !match[2]) return undefined;
  return Number.parseInt(match[1], 16) * 2 ** 32 + Number.parseInt(match[2], 16);
}

/** No replica ever reaches it: a read that asks for it goes to the primary. */
export const UNREACHABLE_LSN = "FFFFFFFF/FFFFFFFF";
