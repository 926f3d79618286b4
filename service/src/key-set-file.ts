import { type StatWatcher, unwatchFile, watchFile } from "node:fs";
import { readFile } from "node:fs/promises";

import type { JSONWebKeySet } from "jose";

import { parseKeySet } from "./config/key-set.ts";

export interface KeySetFileArgs {
  readonly path: string;
  /** Milliseconds between two looks at the file's times. */
  readonly everyMs: number;
  readonly onChange: (keySet: JSONWebKeySet) => void;
  /** The file can not be used as it is now; the keys that were read last stay in force. */
  readonly onError: (error: unknown) => void;
}

/**
 * Follows the file of the key set while the service runs. By looking at it and not by the kernel's notices: a mounted secret
 * is replaced by moving a link, which is no event of the file.
 */
export class KeySetFile {
  readonly #args: KeySetFileArgs;
  readonly #look = () => void this.#read();
  #watcher: StatWatcher | undefined;

  constructor(args: KeySetFileArgs) {
    this.#args = args;
  }

  start(): void {
    // Never keeps a process alive that is about to end.
    this.#watcher = watchFile(
      this.#args.path,
      { interval: this.#args.everyMs, persistent: false },
      this.#look,
    );
  }

  stop(): void {
    if (this.#watcher) unwatchFile(this.#args.path, this.#look);
  }

  async #read(): Promise<void> {
    const { path, onChange, onError } = this.#args;
    let keySet: JSONWebKeySet;
    try {
      keySet = parseKeySet(await readFile(path, "utf8"));
    } catch (error) {
      onError(error);
      return;
    }
    onChange(keySet);
  }
}
