import { Redis } from "ioredis";
import { Failure } from "../../tools/failure.ts";
import type { Connection } from "../connection.ts";
import { passwordRotation } from "./passwords.ts";

type Login = readonly [user: "app" | "operator", password: string];

const loginsOf = ({ redisPasswords: { app, operator } }: Connection): readonly Login[] => [
  ["app", app],
  ["operator", operator],
];

/** Whether the member behind a port of this machine takes a password. @throws Error where it does not answer */
async function takes({ redisCa }: Connection, port: number, [username, password]: Login): Promise<boolean> {
  const client = new Redis({
    host: "127.0.0.1",
    port,
    username,
    password,
    tls: { ca: redisCa, servername: "localhost", minVersion: "TLSv1.3" },
    lazyConnect: true,
    retryStrategy: () => null,
    connectTimeout: 5_000,
    commandTimeout: 5_000,
  });
  let refused = false;
  client.on("error", ({ message }: Error) => {
    refused ||= message.startsWith("WRONGPASS");
  });
  try {
    await client.connect();
    await client.ping();
    return true;
  } catch (error) {
    // What it throws itself is that the connection is closed.
    if (refused) return false;
    throw error;
  } finally {
    client.disconnect();
  }
}

/** @throws Failure naming the members that do not answer as they should */
async function mustAnswer(connection: Connection, logins: readonly Login[], taken: boolean): Promise<void> {
  const wrong: string[] = [];
  for (const { host, published } of connection.redis)
    for (const login of logins)
      try {
        if ((await takes(connection, published, login)) !== taken)
          wrong.push(`${host} ${taken ? "refuses" : "still takes"} one of the user ${login[0]}`);
      } catch (error) {
        wrong.push(`${host} does not answer (${(error as Error).message})`);
      }
  if (wrong.length > 0)
    throw new Failure(
      `Passwords of Redis: ${wrong.join("; ")}. Look at "npm run logs -- redis", and repeat.`,
    );
}

export const redisPasswords = passwordRotation({
  name: "redis-passwords",
  summary:
    "New passwords for every user of Redis: members accept them beside the former, then the stack's clients use them; --finish " +
    "withdraws the former. Members and clients run on; what watches Redis is replaced.",
  setting: ["redis", "passwords"],
  numbersOf: ({ settings }) => settings.redis.passwords,
  finishes: true,
  async check(inUse, before, numbers) {
    await mustAnswer(inUse, loginsOf(inUse), true);
    const others = before.redisPasswords.app !== inUse.redisPasswords.app;
    const alone = numbers.length === 1;
    if (others) await mustAnswer(inUse, loginsOf(before), !alone);
    const beside = alone ? "no others" : `passwords ${Math.min(...numbers)}`;
    return `passwords ${numbers.at(-1)} are in use, and all ${inUse.redis.length} members of Redis take them and ${alone ? "" : "still "}${beside}`;
  },
});
