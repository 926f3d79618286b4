import { readFileSync } from "node:fs";

/** Least of a key that somebody gives; a stack gives one of 32 characters. */
const LEAST_KEY = { characters: 20, different: 10 };

/** Reads typed values out of an environment and collects everything that is wrong with it. */
export class Environment {
  readonly #values: NodeJS.ProcessEnv;
  readonly #issues: string[] = [];

  constructor(values: NodeJS.ProcessEnv) {
    this.#values = values;
  }

  text(name: string, fallback?: string): string {
    const value = this.#values[name] || fallback;
    if (value === undefined) {
      this.#issues.push(`${name} is not set; it has no default`);
      return "";
    }
    return value;
  }

  optional(name: string): string | undefined {
    return this.#values[name] || undefined;
  }

  /** A whole number within limits, both included. */
  integer(name: string, fallback: number, [min, max]: readonly [number, number]): number {
    const text = this.#values[name];
    if (!text) return fallback;
    const value = Number(text);
    if (!Number.isInteger(value) || value < min || value > max) {
      this.#issues.push(`${name} is "${text}"; it has to be a whole number from ${min} to ${max}`);
    }
    return value;
  }

  choice<const T extends string>(name: string, allowed: readonly T[], fallback: T): T {
    const value = this.#values[name] || fallback;
    const found = allowed.find((candidate) => candidate === value);
    if (found === undefined) this.#issues.push(`${name} is "${value}"; allowed are ${allowed.join(", ")}`);
    return found ?? fallback;
  }

  /** The content of the file that a variable names, without the line end. */
  file(name: string): string {
    const path = this.#values[name];
    if (!path) {
      this.#issues.push(`${name} is not set; it has to name a file`);
      return "";
    }
    try {
      const content = readFileSync(path, "utf8").trim();
      if (content === "") this.#issues.push(`${name} names ${path}, which is empty`);
      return content;
    } catch (error) {
      const reason = (error as NodeJS.ErrnoException).code ?? "unreadable";
      this.#issues.push(`${name} names ${path}, which can not be read (${reason})`);
      return "";
    }
  }

  /** As {@link file}, for a key: one that may be guessed is rejected, without being repeated. */
  key(name: string): string {
    const key = this.file(name);
    const different = new Set(key).size;
    if (key !== "" && (key.length < LEAST_KEY.characters || different < LEAST_KEY.different))
      this.#issues.push(
        `${name} names a file with a weak key, ${key.length} characters, ${different} of them different; at least ` +
          `${LEAST_KEY.characters} and ${LEAST_KEY.different} are asked for`,
      );
    return key;
  }

  /**
   * The content of the file that a variable names, read anew at each call: a password is replaced while the service runs.
   * As long as the file can not be read or is empty, as in the moment of its replacement, it is what was read last.
   */
  secret(name: string): () => string {
    let last = this.file(name);
    const path = this.#values[name] ?? "";
    return () => {
      try {
        last = readFileSync(path, "utf8").trim() || last;
      } catch {
        // Whoever asks gets on with what is known.
      }
      return last;
    };
  }

  /** `host:port` pairs, separated by commas. */
  endpoints(name: string): Endpoint[] {
    return this.text(name)
      .split(",")
      .filter(Boolean)
      .flatMap((pair) => {
        const match = /^([A-Za-z0-9.-]+):(\d{1,5})$/.exec(pair.trim());
        if (!match?.[1]) {
          this.#issues.push(`${name} holds "${pair}"; each entry has to be host:port`);
          return [];
        }
        return [{ host: match[1], port: Number(match[2]) }];
      });
  }

  /** Anything else that is wrong, found by the caller. */
  reject(issue: string): void {
    this.#issues.push(issue);
  }

  /** @throws Error that lists every issue, one a line. */
  check(): void {
    if (this.#issues.length > 0) {
      throw new Error(
        `the service's configuration is not usable:\n${this.#issues.map((issue) => `  - ${issue}`).join("\n")}`,
      );
    }
  }
}

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}
