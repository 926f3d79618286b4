import type { Cluster } from "ioredis";
import { redisClient } from "../../cache/redis-client.ts";
import type { Answer, Check } from "../check.ts";
import type { Scene } from "../scene.ts";

/** A command as a user would give it, and whether the user may. */
interface Attempt {
  readonly user: string;
  readonly command: readonly string[];
  readonly allowed: boolean;
}

const attempts = (user: string, allowed: boolean, ...commands: string[]): Attempt[] =>
  commands.map((command) => ({ user, allowed, command: command.split(" ") }));

const MORE_THAN_CONFIGURATION = [
  "FLUSHALL",
  "KEYS *",
  "SHUTDOWN",
  "DEBUG SLEEP 0",
  "ACL SETUSER x",
  "REPLICAOF NO ONE",
  "MODULE LIST",
  "SAVE",
];
const DANGEROUS = ["CONFIG SET maxmemory 1", ...MORE_THAN_CONFIGURATION];

/** The matrix: user, command and key, allowed and refused. */
export const REDIS_MATRIX: readonly Attempt[] = [
  ...attempts(
    "app",
    true,
    "GET dujyo:x",
    "SET dujyo:x 1",
    "DEL dujyo:x",
    "EXPIRE dujyo:x 1",
    "PUBLISH dujyo:peers x",
    "PING",
  ),
  ...attempts(
    "app",
    false,
    "GET other:x",
    "SET other:x 1",
    "DEL other:x",
    "PUBLISH other x",
    "CLUSTER FORGET x",
    "SCAN 0",
    ...DANGEROUS,
  ),
  ...attempts("operator", true, "INFO", "CONFIG GET maxmemory", "FLUSHDB", "SLOWLOG GET", "SCAN 0"),
  ...attempts(
    "operator",
    false,
    "SET dujyo:x 1",
    "KEYS *",
    "SHUTDOWN",
    "DEBUG SLEEP 0",
    "ACL SETUSER x",
    "REPLICAOF NO ONE",
    "EVAL return 0",
  ),
  ...attempts("exporter", true, "INFO", "SLOWLOG GET", "CLUSTER INFO"),
  ...attempts("exporter", false, "GET dujyo:x", "SET dujyo:x 1", "CONFIG GET requirepass", ...DANGEROUS),
  ...attempts("replication", true, "PSYNC ? -1", "REPLCONF ACK 0", "PING"),
  ...attempts("replication", false, "GET dujyo:x", "INFO", "CLUSTER NODES", ...DANGEROUS),
  ...attempts("cluster", true, "CLUSTER NODES", "MIGRATE h 1 dujyo:x 0 1"),
  ...attempts("cluster", false, "GET dujyo:x", "SET dujyo:x 1", ...DANGEROUS),
  ...attempts("reload", true, "CONFIG SET tls-cert-file x"),
  ...attempts("reload", false, "GET dujyo:x", "CONFIG GET requirepass", "INFO", ...MORE_THAN_CONFIGURATION),
  ...attempts("health", true, "PING"),
  ...attempts("health", false, "GET dujyo:x", "INFO", "CLUSTER NODES", ...DANGEROUS),
  ...attempts("default", false, "PING", "GET dujyo:x", "INFO"),
];

/** Compares what the server would answer, `OK` or a refusal, with the matrix. */
export function judgeMatrix(matrix: readonly Attempt[], answers: readonly string[]): Answer {
  const offences = matrix.flatMap(({ user, command, allowed }, index) => {
    const answer = answers[index] ?? "no answer";
    const may = answer === "OK";
    // Whatever is no refusal of rights, an unknown user for one, is no proof of a refusal either.
    const refused = /has no permissions|is not allowed|NOPERM/i.test(answer);
    if (allowed ? may : refused) return [];
    return [`${user}: ${command.join(" ")} ${allowed ? "is refused" : "is allowed"} (${answer})`];
  });
  return {
    asked: answers.length,
    offences,
    evidence: `${matrix.length} triples of user, command and key, allowed and refused`,
  };
}

/** Keys that live for ever, and keys outside the application's pattern, of `key ttl` lines. */
export function judgeKeys(lines: readonly string[]): Answer {
  const offences = lines.flatMap((line) => {
    const split = line.lastIndexOf(" ");
    const [key, ttl] = [line.slice(0, split), Number(line.slice(split + 1))];
    return [
      ...(ttl === -1 ? [`${key} has no time to live`] : []),
      ...(key.startsWith("dujyo:") ? [] : [`${key} is none of the application's keys`]),
    ];
  });
  return { asked: lines.length, offences, evidence: `${lines.length} keys` };
}

/** Fields by which a value would tell of a person. */
export function judgeValues(values: readonly string[]): Answer {
  const personal = values.filter((value) => /e-?mail|password|user_?name|[\w.+-]+@[\w-]+\.\w+/i.test(value));
  return {
    asked: values.length,
    offences: personal.map((value) => `a value holds a personal field: ${value.slice(0, 20)}...`),
    evidence: `${values.length} values`,
  };
}

/** Keys that are looked at on each primary: enough to see every kind, and no load on a full cache. */
const SAMPLE = 2_000;

/** A line `key ttl` for each key, and the values. */
async function dump(scene: Scene): Promise<{ lines: string[]; values: string[] }> {
  await warm(scene);
  const lines: string[] = [];
  const values: string[] = [];
  await withOperator(scene, async (cluster) => {
    for (const node of cluster.nodes("master")) {
      let cursor = "0";
      let seen = 0;
      do {
        const [next, keys] = await node.scan(cursor, "COUNT", 500);
        cursor = next;
        seen += keys.length;
        for (const key of keys) {
          const ttl = await node.ttl(key);
          // -2: it ended between the two questions.
          if (ttl !== -2) lines.push(`${key} ${ttl}`);
          if ((await node.type(key)) === "string") values.push((await node.get(key)) ?? "");
          else if ((await node.type(key)) === "hash") values.push(JSON.stringify(await node.hgetall(key)));
        }
      } while (cursor !== "0" && seen < SAMPLE);
    }
  });
  return { lines, values };
}

/** A cache that was never asked holds nothing that could be looked at. */
async function warm({ connection, sql }: Scene): Promise<void> {
  const accounts = await sql("SELECT address FROM balances LIMIT 20");
  const paths = ["/holders/top", ...accounts.map(([address]) => `/balance/${address}`)];
  for (const path of paths) await fetch(`http://127.0.0.1:${connection.api.port}${path}`);
}

async function withOperator<T>({ connection }: Scene, work: (cluster: Cluster) => Promise<T>): Promise<T> {
  const cluster = redisClient(connection, "operator");
  try {
    // The nodes are known after the first answer.
    await cluster.get("dujyo:-");
    return await work(cluster);
  } finally {
    cluster.disconnect();
  }
}

async function dryRun(scene: Scene): Promise<Answer> {
  return await withOperator(scene, async (cluster) => {
    const [node] = cluster.nodes("master");
    const answers: string[] = [];
    for (const { user, command } of REDIS_MATRIX)
      answers.push(
        await (node?.call("ACL", "DRYRUN", user, ...command) ?? Promise.reject(new Error("no primary"))).then(
          String,
          (error: Error) => error.message,
        ),
      );
    return judgeMatrix(REDIS_MATRIX, answers);
  });
}

export const REDIS: readonly Check[] = [
  {
    id: "identities/redis",
    title: "Each Redis user may give the commands it is for, on its keys, and no other",
    ask: dryRun,
  },
  {
    id: "data/cache-expiry",
    title: "Every key of the cache ends by itself",
    ask: async (scene) => judgeKeys((await dump(scene)).lines),
  },
  {
    id: "data/cache-personal",
    title: "The cache holds no personal field",
    ask: async (scene) => judgeValues((await dump(scene)).values),
  },
];
