import { once } from "node:events";
import { finished } from "node:stream/promises";
import type { ClientBase } from "pg";
import { from as copyFrom } from "pg-copy-streams";

/** A value of one column; numbers are whole. `undefined` is NULL. */
export type CopyValue = string | number | boolean | undefined;

/** Rows are handed over in pieces of about this many characters: few system calls, little memory. */
const CHUNK = 64 * 1024;

/**
 * Copies rows into a table, in the client's present transaction, at the speed of the slower side.
 *
 * Values must need no escaping (no tab, newline or backslash): all generated text is plain; bytes go through
 * {@link bytes}.
 *
 * @returns the number of rows
 */
export async function copyRows(
  client: ClientBase,
  table: string,
  columns: readonly string[],
  rows: Iterable<readonly CopyValue[]>,
  onRows: (count: number) => void,
): Promise<number> {
  const stream = client.query(copyFrom(`COPY ${table} (${columns.join(", ")}) FROM STDIN`));
  const end = finished(stream);
  // Reported by the await below; without a handler of its own an early failure would end the process.
  end.catch(() => undefined);
  let buffer = "";
  let count = 0;
  let reported = 0;
  const flush = async () => {
    if (!stream.write(buffer)) await Promise.race([once(stream, "drain"), end]);
    buffer = "";
    onRows(count - reported);
    reported = count;
  };
  for (const row of rows) {
    let separator = "";
    for (const value of row) {
      buffer += separator + (value === undefined ? "\\N" : value);
      separator = "\t";
    }
    buffer += "\n";
    count += 1;
    if (buffer.length >= CHUNK) await flush();
  }
  await flush();
  stream.end();
  await end;
  return count;
}

/** A bytea value from hex digits. */
export function bytes(hex: string): string {
  return `\\\\x${hex}`;
}

/** A timestamptz value from microseconds since 1970. */
export function timestamp(micros: number): string {
  const seconds = Math.floor(micros / 1_000_000);
  const iso = new Date(seconds * 1000).toISOString();
  return `${iso.slice(0, 19)}.${String(micros - seconds * 1_000_000).padStart(6, "0")}+00`;
}
