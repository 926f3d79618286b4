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
  const blocks = takeBlocks(fields);
  const rest = Object.entries(fields).map(([key, value]) => `${key}=${plain(value)}`);
  return [[...head, ...rest].join(" "), ...blocks].join("\n    ");
}

function parse(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

/** Lines of texts that have several, a traceback or the stack of an error, which are taken out of the fields. */
function takeBlocks(fields: Record<string, unknown>): string[] {
  const blocks: string[] = [];
  for (const [key, value] of Object.entries(fields))
    if (typeof value === "string" && value.includes("\n")) {
      blocks.push(...value.split("\n").map((part) => part.trim()));
      delete fields[key];
    } else if (value !== null && typeof value === "object" && !Array.isArray(value)) {
      const inner = { ...value };
      blocks.push(...takeBlocks(inner));
      fields[key] = inner;
    }
  return blocks;
}

function plain(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return typeof value === "string" && /[\s"=]/.test(text) ? JSON.stringify(text) : text;
}
