/**
 * What the caches hold: the bytes of an answer, and what is needed to judge them. `version` is the account's row
 * version; `second` a second counter that rises independently (the token balance's row version, or the chain's tip).
 * Of two entries of one key, the one that is not lower in both is the newer one.
 */
export interface CacheEntry {
  readonly kind: EntryKind;
  readonly version: number;
  readonly second: number;
  /** Epoch milliseconds at which the content was known to be current. */
  readonly readAt: number;
  /** Epoch milliseconds at which it has to be read again. */
  readonly expiresAt: number;
  /** Milliseconds that reading it took. */
  readonly costMs: number;
  /** Height of the chain's tip that makes it wrong; 0 if none does. */
  readonly wrongAtTip: number;
  readonly body: Buffer;
  readonly etag: string;
}

/** `tombstone`: something newer than the version exists, content unknown. `absent`: the thing is known not to exist. */
export type EntryKind = "value" | "absent" | "tombstone";

const LETTERS: Record<EntryKind, string> = { value: "v", absent: "a", tombstone: "t" };
const KINDS: Record<string, EntryKind | undefined> = { v: "value", a: "absent", t: "tombstone" };
const NOTHING = Buffer.alloc(0);
const LINE_FEED = 10;
/** A header is seven numbers and a letter. */
const HEADER_LIMIT = 160;

export function etagOf(version: number, second: number, readAt: number): string {
  return `W/"${version}-${second}-${readAt.toString(36)}"`;
}

/**
 * One line of text before the body. The two versions come first, each ended by a blank: the scripts in the cache
 * compare them without knowing the rest.
 */
export function encodeEntry(entry: CacheEntry): Buffer {
  const { version, second, kind, readAt, expiresAt, costMs, wrongAtTip } = entry;
  const header = `${version} ${second} ${LETTERS[kind]} ${readAt} ${expiresAt} ${Math.ceil(costMs)} ${wrongAtTip}\n`;
  return Buffer.concat([Buffer.from(header, "latin1"), entry.body]);
}

/** The entry in these bytes, or undefined if they are none (of an older layout, or foreign). */
export function decodeEntry(bytes: Buffer): CacheEntry | undefined {
  const end = bytes.subarray(0, HEADER_LIMIT).indexOf(LINE_FEED);
  if (end < 0) return undefined;
  const parts = bytes.toString("latin1", 0, end).split(" ");
  const kind = KINDS[parts[2] ?? ""];
  const [version, second, readAt, expiresAt, costMs, wrongAtTip] = [0, 1, 3, 4, 5, 6].map((at) =>
    Number(parts[at]),
  );
  if (kind === undefined || version === undefined || second === undefined || readAt === undefined)
    return undefined;
  if (
    expiresAt === undefined ||
    costMs === undefined ||
    wrongAtTip === undefined ||
    Number.isNaN(wrongAtTip)
  ) {
    return undefined;
  }
  const etag = etagOf(version, second, readAt);
  return {
    kind,
    version,
    second,
    readAt,
    expiresAt,
    costMs,
    wrongAtTip,
    body: bytes.subarray(end + 1),
    etag,
  };
}

/** A marker that content of at least this version exists. */
export function tombstone(version: number, second: number, now: number, ttlMs: number): CacheEntry {
  return {
    kind: "tombstone",
    version,
    second,
    readAt: now,
    expiresAt: now + ttlMs,
    costMs: 0,
    wrongAtTip: 0,
    body: NOTHING,
    etag: "",
  };
}
