import { ownCopy } from "./own-copy.ts";

/**
 * What the caches hold: the text of an answer, and what is needed to judge them. `version` is the account's row
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
  /** Text, not bytes: sent after its header it costs one write, and the cache's client takes and gives text at less cost. */
  readonly body: string;
  /** Of the body as it is sent. As many as its characters where it is plain ASCII, which nearly all are. */
  readonly bytes: number;
  /** Made when it is first wanted: most of what is held is asked for a few times at most. See {@link etagOf}. */
  etag?: string;
}

/** `tombstone`: something newer than the version exists, content unknown. `absent`: the thing is known not to exist. */
export type EntryKind = "value" | "absent" | "tombstone";

const LETTERS: Record<EntryKind, string> = { value: "v", absent: "a", tombstone: "t" };
const KINDS: Record<string, EntryKind | undefined> = { v: "value", a: "absent", t: "tombstone" };

export function etagOf(entry: CacheEntry): string {
  // Joined, the parts are let go; a template would keep them all until the text is first read.
  entry.etag ??= ['W/"', entry.version, "-", entry.second, "-", entry.readAt.toString(36), '"'].join("");
  return entry.etag;
}

/** The entry of this content, with what follows from it. */
export function completed(content: Omit<CacheEntry, "bytes" | "etag">): CacheEntry {
  const { kind, version, second, readAt, expiresAt, costMs, wrongAtTip, body } = content;
  const bytes = Buffer.byteLength(body);
  return { kind, version, second, readAt, expiresAt, costMs, wrongAtTip, body, bytes, etag: undefined };
}

/** What an entry's text begins with: no other one of its key does. */
export function headOf({ version, second, kind, readAt, expiresAt }: CacheEntry): string {
  return `${version} ${second} ${LETTERS[kind]} ${readAt} ${expiresAt} `;
}

/**
 * One line of text before the body. The two versions come first, each ended by a blank: the scripts in the cache
 * compare them without knowing the rest.
 */
export function encodeEntry(entry: CacheEntry): string {
  return `${headOf(entry)}${Math.ceil(entry.costMs)} ${entry.wrongAtTip}\n${entry.body}`;
}

/** The entry in this text, or undefined if it is none (of an older layout, or foreign). */
export function decodeEntry(text: string): CacheEntry | undefined {
  const end = text.indexOf("\n");
  if (end < 0) return undefined;
  const parts = text.slice(0, end).split(" ");
  const kind = KINDS[parts[2] ?? ""];
  if (kind === undefined || parts.length !== 7) return undefined;
  const version = Number(parts[0]);
  const second = Number(parts[1]);
  const readAt = Number(parts[3]);
  const expiresAt = Number(parts[4]);
  const costMs = Number(parts[5]);
  const wrongAtTip = Number(parts[6]);
  if (Number.isNaN(version + second + readAt + expiresAt + costMs + wrongAtTip)) return undefined;
  const body = ownCopy(text.slice(end + 1));
  return completed({ kind, version, second, readAt, expiresAt, costMs, wrongAtTip, body });
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
    body: "",
    bytes: 0,
    etag: undefined,
  };
}
