import { type DestinationStream, destination, type Logger, pino } from "pino";

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
