import type { Writable } from "node:stream";

/**
 * Lets a connection send what is written in one turn of the event loop in one piece: one system call and one record of TLS
 * for the commands of all requests that came in together, at no more than that turn's delay.
 */
export function batchWrites(stream: Writable): void {
  const write = stream.write;
  let held = false;
  const release = (): void => {
    held = false;
    stream.uncork();
  };
  stream.write = function (this: Writable, ...args: Parameters<Writable["write"]>) {
    if (!held) {
      held = true;
      stream.cork();
      setImmediate(release);
    }
    return write.apply(this, args);
  } as Writable["write"];
}
