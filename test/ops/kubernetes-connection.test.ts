import { describe, expect, it } from "vitest";
import type { StackOutputs } from "../../infra/stack-outputs.ts";
import { Forwarded } from "../../ops/kubernetes-connection.ts";
import { Cluster, type Forwarding } from "../../tools/stack/kubernetes-cluster.ts";

const OUTPUTS = {
  apiUrl: "https://api.example",
  database: "dujyo_blockchain",
  writer: { host: "haproxy", port: 5000 },
  reader: { host: "haproxy", port: 5001 },
  pooler: { host: "pgbouncer", port: 6432 },
  postgresNodes: [{ name: "postgres-0", host: "postgres-0", port: 5432 }],
  redisNodes: [6379, 6380].map((port, ordinal) => ({
    name: `redis-${ordinal}`,
    host: `redis-${ordinal}`,
    ...{ port, announcedPort: port },
  })),
  pages: [],
  caCert: { postgres: "root of postgres", redis: "root of redis", api: "root of api" },
} as unknown as StackOutputs;

/** A cluster that notes where ways are opened to, and has none. */
class Noting extends Cluster {
  readonly opened: string[] = [];
  readonly lacking: string[];

  constructor(...lacking: string[]) {
    super("");
    this.lacking = lacking;
  }

  override async forbidden(actions: readonly string[]): Promise<string[]> {
    return actions.filter((action) => this.lacking.includes(action));
  }

  override async secretFiles(): Promise<(key: string) => string> {
    return (key) => key;
  }

  override forward(_: string, pod: string, port: number): Promise<Forwarding> {
    this.opened.push(`${pod} ${port}`);
    return Promise.reject(new Error("none"));
  }

  override forwardToPart(namespace: string, part: string, port: number): Promise<Forwarding> {
    return this.forward(namespace, `any ${part}`, port);
  }
}

const asked = (port: number) => fetch(`http://127.0.0.1:${port}`).catch(() => undefined);

describe("the connection with a stack on Kubernetes", () => {
  it("leads from ports of this machine to the parts and members of the namespace", async () => {
    const cluster = new Noting();
    const { api, pooler, writer, reader, postgres, redis, redisCa } = await (
      await Forwarded.into(cluster, "dujyo-ci")
    ).connection(OUTPUTS);
    expect(cluster.opened).toEqual([]);
    expect(postgres.map(({ host }) => host)).toEqual(["postgres-0"]);
    expect(redis.map(({ host, port }) => `${host}:${port}`)).toEqual(["redis-0:6379", "redis-1:6380"]);
    expect(redisCa).toBe("root of redis");
    const ports = [api, pooler, writer, reader, ...postgres].map(({ port }) => port);
    for (const port of [...ports, ...redis.map(({ published }) => published)]) await asked(port);
    expect(cluster.opened).toEqual([
      ...["any api 8083", "any pgbouncer 6432", "any haproxy 5000", "any haproxy 5001"],
      ...["postgres-0 5432", "redis-0 6379", "redis-1 6380"],
    ]);
  });

  it("leads to the pages of the monitoring, which are plain HTTP at this end", async () => {
    const cluster = new Noting();
    const { prometheus, alertmanager } = await (await Forwarded.into(cluster, "dujyo-ci")).monitoring();
    for (const page of [prometheus, alertmanager]) await asked(Number(new URL(page).port));
    expect(cluster.opened).toEqual(["prometheus-0 9090", "alertmanager-0 9093"]);
  });

  it("is refused to a user who may not forward ports", async () => {
    const cluster = new Noting("create pods/portforward");
    await expect(Forwarded.into(cluster, "dujyo-ci")).rejects.toThrow(
      'opens sessions with pods of "dujyo-ci", and this user may not forward ports there (create pods/portforward)',
    );
  });
});
