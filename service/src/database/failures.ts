/** Server-side codes after which the statement is known to have had no effect and a repeat may succeed. */
const TRANSIENT = new Set(["40001", "40P01", "55P03", "25006", "57014", "53300", "57P03", "53200"]);

/** The five-character SQLSTATE, if the server or the pooler gave one. */
export function sqlState(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/**
 * Whether the node, or the way to it, failed - as opposed to the statement being refused for what it says.
 * Connection exceptions are class 08; 57P01 to 57P03 are shutdowns and start-ups; what has no SQLSTATE came from a socket.
 */
export function nodeFailed(error: unknown): boolean {
  const state = sqlState(error);
  if (state === undefined) return error instanceof Error;
  return (
    state.startsWith("08") ||
    state.startsWith("57P") ||
    state.startsWith("53") ||
    state.startsWith("58") ||
    TRANSIENT.has(state)
  );
}

/** Whether a failed statement certainly changed nothing. What only a socket reports leaves that open. */
export function certainlyUndone(error: unknown): boolean {
  const state = sqlState(error);
  return (
    state !== undefined &&
    (TRANSIENT.has(state) || !(state.startsWith("08") || state.startsWith("57P") || state.startsWith("58")))
  );
}
