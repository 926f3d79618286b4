import { Redis } from "ioredis";
import { Failure } from "../../tools/failure.ts";
import type { Connection } from "../connection.ts";
import { passwordRotation } from "./passwords.ts";

type Login = readonly [user: "app" | "operator", password: string];

const loginsOf = ({ redisPasswords: { app, operator } }: Connection): readonly Login[] => [
  ["app", app],
  ["operator", operator],
];

/** Whether the member that is published on a port takes a password. @throws Error where it does not answer */
async function takes({ redisCa }: Connection, port: number, [username, password]: Login): Promise<boolean> {
  const client = new Redis({
    host: "127.0.0.1",
    port,
    tls: { ca: redisCa, servername: "localhost", minVersion: "TLSv1.3" },
    lazyConnect: true,
    enableReadyCheck: false,
    retryStrategy: () => null,
    connectTimeout: 3_000,
    commandTimeout: 3_000,
  });
  client.on("error", () => undefined);
  try {
    await client.connect();
    return (await client.call("AUTH", username, password)) === "OK";
  } catch (error) {
    if (/^WRONGPASS/.test((error as Error).message)) return false;
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
  async check(inUse, before, withdrawn) {
    await mustAnswer(inUse, loginsOf(inUse), true);
    const others = before.redisPasswords.app !== inUse.redisPasswords.app;
    if (others) await mustAnswer(inUse, loginsOf(before), !withdrawn);
    return `all ${inUse.redis.length} members of Redis`;
  },
});
