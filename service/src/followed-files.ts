import { type StatWatcher, unwatchFile, watchFile } from "node:fs";
import { readFile } from "node:fs/promises";

export interface FollowedFilesArgs {
  /** Files that belong together; a change of any has all of them read. */
  readonly paths: readonly string[];
  /** Milliseconds between two looks at a file's times. */
  readonly everyMs: number;
  /** Gets the contents in the order of the paths; throws where they are not usable, and then leaves everything as it was. */
  readonly use: (contents: readonly string[]) => void;
  /** The files can not be used as they are now; what was read last stays in force. */
  readonly onError: (error: unknown) => void;
}

/**
 * Follows files while the service runs. By looking at them and not by the kernel's notices: a mounted secret is replaced by
 * moving a link, which is no event of the file.
 */
export class FollowedFiles {
  readonly #args: FollowedFilesArgs;
  readonly #look = () => void this.#read();
  #watchers: StatWatcher[] = [];

  constructor(args: FollowedFilesArgs) {
    this.#args = args;
  }

  start(): void {
    const { paths, everyMs: interval } = this.#args;
    // Never keeps a process alive that is about to end.
    this.#watchers = paths.map((path) => watchFile(path, { interval, persistent: false }, this.#look));
  }

  stop(): void {
    if (this.#watchers.length > 0) for (const path of this.#args.paths) unwatchFile(path, this.#look);
  }

  async #read(): Promise<void> {
    const { paths, use, onError } = this.#args;
    try {
      use(await Promise.all(paths.map((path) => readFile(path, "utf8"))));
    } catch (error) {
      onError(error);
    }
  }
}
