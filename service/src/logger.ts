import type { FastifyBaseLogger } from "fastify";
import {
  type Bindings,
  type ChildLoggerOptions,
  type DestinationStream,
  destination,
  type Logger,
  pino,
} from "pino";

/** Headers that carry secrets; bodies, addresses and query strings are never logged at all. */
const REDACTED = [
  "req.headers.authorization",
  "req.headers.cookie",
  "*.password",
  "*.token",
  "err.parameters",
  "err.detail",
];

export interface LoggerArgs {
  readonly level: string;
  readonly instance: string;
  /** @default standard output, buffered: a write per line would hold the event loop up */
  readonly stream?: DestinationStream;
  /** Lines that were written, by level: counted up here. */
  readonly lines?: Record<string, number>;
}

/** JSON lines on standard output. */
export function createLogger({ level, instance, stream, lines = {} }: LoggerArgs): Logger {
  for (const known of ["warn", "error", "fatal"]) lines[known] ??= 0;
  return pino(
    {
      level,
      hooks: {
        logMethod(args, method, number) {
          const label = this.levels.labels[number] ?? "unknown";
          lines[label] = (lines[label] ?? 0) + 1;
          method.apply(this, args);
        },
      },
      base: { instance },
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: REDACTED, censor: "[hidden]" },
      formatters: { level: (label) => ({ level: label }) },
      serializers: {
        // The route's template, never the URL: addresses are personal data.
        req: (request: { id: string; method: string; routeOptions?: { url?: string } }) => ({
          id: request.id,
          method: request.method,
          route: request.routeOptions?.url,
        }),
      },
    },
    stream ?? destination({ sync: false, minLength: 4096, periodicFlush: 1000 }),
  );
}

/**
 * A logger whose children are made when they first log, and theirs. The framework wants one for each request, and hardly any
 * request has something to say.
 */
export function withLazyChildren(log: FastifyBaseLogger): FastifyBaseLogger {
  return Object.create(log, {
    child: {
      value: (bindings: Bindings, options?: ChildLoggerOptions) => new LazyLogger(log, bindings, options),
    },
  }) as FastifyBaseLogger;
}

class LazyLogger implements FastifyBaseLogger {
  readonly #parent: FastifyBaseLogger;
  readonly #bindings: Bindings;
  readonly #options: ChildLoggerOptions | undefined;
  #made: FastifyBaseLogger | undefined;

  constructor(parent: FastifyBaseLogger, bindings: Bindings, options?: ChildLoggerOptions) {
    this.#parent = parent;
    this.#bindings = bindings;
    this.#options = options;
  }

  get #log(): FastifyBaseLogger {
    if (this.#made === undefined) {
      const parent = this.#parent instanceof LazyLogger ? this.#parent.#log : this.#parent;
      this.#made = parent.child(this.#bindings, this.#options);
    }
    return this.#made;
  }

  get level() {
    return this.#log.level;
  }

  set level(level) {
    this.#log.level = level;
  }

  get fatal() {
    return this.#log.fatal.bind(this.#log);
  }

  get error() {
    return this.#log.error.bind(this.#log);
  }

  get warn() {
    return this.#log.warn.bind(this.#log);
  }

  get info() {
    return this.#log.info.bind(this.#log);
  }

  get debug() {
    return this.#log.debug.bind(this.#log);
  }

  get trace() {
    return this.#log.trace.bind(this.#log);
  }

  get silent() {
    return this.#log.silent.bind(this.#log);
  }

  child(bindings: Bindings, options?: ChildLoggerOptions): FastifyBaseLogger {
    return new LazyLogger(this, bindings, options);
  }
}
