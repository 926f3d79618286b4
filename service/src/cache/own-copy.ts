/** Reused: a buffer for each copy would be garbage outside the heap. */
const SCRATCH = Buffer.allocUnsafeSlow(4096);
/** Of the longest text that fits, in UTF-8 at three bytes for each character. */
const COPIED = Math.floor(SCRATCH.length / 3);

/**
 * The same text in a place of its own: a part of a text, or one that was put together, keeps all that it was made of. A long one is
 * left as it is, as what it keeps beside itself is little.
 */
export function ownCopy(text: string): string {
  return text.length > COPIED ? text : SCRATCH.toString("utf8", 0, SCRATCH.write(text));
}
