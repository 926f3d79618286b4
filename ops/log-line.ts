/** What the parts call the same thing in their JSON lines. */
const TIME = ["time", "ts", "timestamp", "t"];
const LEVEL = ["level", "levelname", "severity"];
const MESSAGE = ["msg", "message"];

/** Severities of syslog, by number. */
const SEVERITIES = ["EMERG", "ALERT", "CRIT", "ERROR", "WARNING", "NOTICE", "INFO", "DEBUG"];

/** RFC 5424: priority, version, time, host, program, process, message id, structured data, text. */
const SYSLOG = /^<(?<priority>\d{1,3})>1 (?<time>\S+) \S+ \S+ \S+ \S+ (?:-|\[.*?\]) ?(?<text>.*)$/;

/** A structured line of a log as a person reads it, `time LEVEL message key=value`; any other line as it is. */
export function readableLine(line: string): string {
  const syslog = SYSLOG.exec(line)?.groups;
  if (syslog) {
    const severity = SEVERITIES[Number(syslog.priority) % SEVERITIES.length];
    return `${syslog.time} ${severity} ${syslog.text}`;
  }
  const fields = parse(line);
  if (!fields) return line;
  const take = (names: readonly string[]) => {
    const name = names.find((one) => one in fields);
    const value = name === undefined ? undefined : fields[name];
    if (name !== undefined) delete fields[name];
    return value === undefined || value === null ? "" : String(value);
  };
  const head = [take(TIME), take(LEVEL).toUpperCase(), take(MESSAGE)].filter((part) => part !== "");
  const stack = stackOf(fields);
  const rest = Object.entries(fields).map(([key, value]) => `${key}=${plain(value)}`);
  return [[...head, ...rest].join(" "), ...stack].join("\n    ");
}

function parse(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

/** Lines of an error's stack, which are taken out of it. */
function stackOf(fields: Record<string, unknown>): string[] {
  const error = fields.err as { stack?: string } | undefined;
  if (typeof error?.stack !== "string") return [];
  const { stack, ...others } = error;
  fields.err = others;
  return stack.split("\n").map((part) => part.trim());
}

function plain(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return typeof value === "string" && /[\s"=]/.test(text) ? JSON.stringify(text) : text;
}
