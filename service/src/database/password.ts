import { Client, type ClientConfig } from "pg";

/** Longest wait for the answer to one password, milliseconds: some of them are asked for while a session is being opened. */
const ANSWER_MS = 1000;

/**
 * The password that opens a session now. PostgreSQL keeps one for each role, so that whoever is to get in before a change of it
 * and after knows both, and finds out by trying; with one there is nothing to find out.
 *
 * @param passwords the likelier first
 * @returns the first where none opens a session: whoever uses it hears why
 */
export async function passwordInForce(
  session: ClientConfig,
  passwords: readonly string[],
  opens: (session: ClientConfig) => Promise<boolean> = opensSession,
): Promise<string> {
  if (passwords.length > 1)
    for (const password of passwords) if (await opens({ ...session, password })) return password;
  return passwords[0] ?? "";
}

async function opensSession(session: ClientConfig): Promise<boolean> {
  const client = new Client({ ...session, connectionTimeoutMillis: ANSWER_MS });
  client.on("error", () => undefined);
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    client.end().catch(() => undefined);
  }
}
