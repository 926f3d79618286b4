/** What a read has to have seen: a position of the log, and versions of the accounts that a write touched. */
export interface ReadAfter {
  readonly lsn: string;
  readonly versions: ReadonlyMap<string, number>;
}

/**
 * `LSN` or `LSN;address=version;address=version`. Every answer that is not below a listed account's version has seen
 * the write, wherever it comes from; for everything else the position decides.
 */
export function parseReadAfter(text: string): ReadAfter {
  const [lsn = "", ...pairs] = text.split(";");
  const versions = new Map(
    pairs.map((pair) => {
      const at = pair.lastIndexOf("=");
      return [pair.slice(0, at), Number(pair.slice(at + 1))];
    }),
  );
  return { lsn, versions };
}

export function formatReadAfter({ lsn, versions }: ReadAfter): string {
  return [lsn, ...[...versions].map(([address, version]) => `${address}=${version}`)].join(";");
}
