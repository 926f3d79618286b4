import { Redis } from "ioredis";
import { formatValue } from "../../dashboards/units.ts";
import type { Connection } from "../connection.ts";
import { type Finding, percent } from "./finding.ts";

/** What a node of the cache tells of itself, `INFO` and `CLUSTER INFO` together. */
export type NodeInfo = Readonly<Record<string, string>>;

/** One answer of every node; null for those that do not answer. */
export async function readRedis(connection: Connection): Promise<Map<string, NodeInfo | null>> {
  const answers = await Promise.all(
    connection.redis.map(async ({ host, published }) => {
      const client = new Redis({
        host: "127.0.0.1",
        port: published,
        username: "operator",
        password: connection.redisPasswords.operator,
        tls: { ca: connection.redisCa, servername: "localhost", minVersion: "TLSv1.3" },
        lazyConnect: true,
        retryStrategy: () => null,
        connectTimeout: 3_000,
        commandTimeout: 3_000,
      });
      client.on("error", () => undefined);
      try {
        await client.connect();
        return [host, parseInfo(`${await client.info()}\n${await client.cluster("INFO")}`)] as const;
      } catch {
        return [host, null] as const;
      } finally {
        client.disconnect();
      }
    }),
  );
  return new Map(answers);
}

/** `key:value` lines. */
export function parseInfo(text: string): NodeInfo {
  const pairs = text.split(/\r?\n/).flatMap((line) => {
    const colon = line.indexOf(":");
    return colon > 0 ? [[line.slice(0, colon), line.slice(colon + 1)] as const] : [];
  });
  return Object.fromEntries(pairs);
}

/** Judges a node by two answers. @param seconds between them */
export function redisFindings(
  member: string,
  before: NodeInfo | null,
  after: NodeInfo | null,
  seconds: number,
): Finding[] {
  if (!after)
    return [
      {
        area: "cache",
        subject: member,
        figure: "does not answer",
        bound: "",
        bad: true,
        runbook: "RedisMemberDown",
      },
    ];
  const number = (info: NodeInfo | null, name: string) => Number(info?.[name] ?? 0);
  const limit = number(after, "maxmemory");
  const used = number(after, "used_memory");
  const evicted = before ? (number(after, "evicted_keys") - number(before, "evicted_keys")) / seconds : 0;
  const share = limit > 0 ? used / limit : 0;
  const down = after.cluster_state !== undefined && after.cluster_state !== "ok";
  return [
    {
      area: "cache",
      subject: member,
      figure: `${formatValue(used, "bytes")} of ${formatValue(limit, "bytes")}, ${percent(share)}; ${evicted.toFixed(1)} evictions/s, ${after.evicted_keys ?? 0} in all`,
      bound: "<= 95 %, 10/s",
      bad: share > 0.95 || evicted > 10,
      near: Math.max(share / 0.95, evicted / 10),
      runbook: evicted > 10 ? "RedisEvictions" : "RedisMemoryHigh",
    },
    ...(down
      ? [
          {
            area: "cache",
            subject: member,
            figure: `sees the cluster as "${after.cluster_state}", ${after.cluster_slots_fail ?? "?"} slots fail`,
            bound: "ok",
            bad: true,
            runbook: "RedisClusterDown",
          },
        ]
      : []),
  ];
}
