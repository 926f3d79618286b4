import { Client, type ClientConfig } from "pg";
import { type Address, type Connection, LOGINS } from "../connection.ts";

export type Login = keyof typeof LOGINS;

/** Options of a session with one of the stack's addresses on this machine; verified TLS like everybody else's. */
export function sessionOptions(
  connection: Connection,
  address: Address,
  login: Login,
  more: ClientConfig = {},
): ClientConfig {
  return {
    host: "127.0.0.1",
    port: address.port,
    user: LOGINS[login],
    password: connection.postgresPasswords[login],
    database: connection.database,
    ssl: { ca: connection.postgresCa, servername: "localhost", minVersion: "TLSv1.3" },
    // A busy machine takes seconds for a handshake that is otherwise a matter of milliseconds.
    connectionTimeoutMillis: 10_000,
    ...more,
  };
}

/** Runs `work` in a session of its own and closes it. */
export async function withSession<T>(
  options: ClientConfig,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const client = new Client(options);
  // The end of a session that a fault closes is told by the query that fails.
  client.on("error", () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}
