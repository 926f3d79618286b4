import { describe, expect, it } from "vitest";
import { clientPrograms } from "../../ops/client-programs.ts";
import type { Connection } from "../../ops/connection.ts";
import { connectionFiles, natMap } from "../../ops/connection-files.ts";

const connection: Connection = {
  api: { host: "gateway", port: 8083 },
  apiSigningKey: "{}",
  apiAccessLogKey: "k",
  personalKeys: { index: "i", encryption: { 1: "e" } },
  database: "dujyo_blockchain",
  pooler: { host: "pgbouncer", port: 16432 },
  writer: { host: "haproxy", port: 15000 },
  reader: { host: "haproxy", port: 15001 },
  postgres: [{ host: "postgres-0", port: 15432 }],
  pages: [],
  postgresCa: "PG CA\n",
  postgresPasswords: { superuser: "s", owner: "own", app: "a:b\\c", readonly: "ro", monitoring: "mon" },
  redis: [{ host: "redis-0", port: 6379, published: 16379 }],
  redisCa: "REDIS CA\n",
  redisPasswords: { app: "ra", operator: "op" },
};
const files = connectionFiles(connection, "/clone/.dujyo/connect/dev");

describe("connection files", () => {
  it("lead to the writer, the reader, the pooler and each member", () => {
    const names = [...(files["pg_service.conf"] ?? "").matchAll(/^\[(.*)\]$/gm)].map(([, name]) => name);
    expect(names).toEqual(["writer", "reader", "pooled-writer", "pooled-reader", "postgres-0"]);
    expect(files["pg_service.conf"]).toContain("port=16432\ndbname=dujyo_blockchain_ro\nuser=dujyo_readonly");
    expect(files["pg_service.conf"]).toContain(
      "sslmode=verify-full\nsslrootcert=/clone/.dujyo/connect/dev/postgres-ca.crt",
    );
  });

  it("have passwords in the password file alone, its separators escaped", () => {
    expect(files.pgpass).toContain("localhost:*:*:dujyo_app:a\\:b\\\\c\n");
    expect(files["pg_service.conf"]).not.toMatch(/password|own\b/);
  });

  it("map what the Redis Cluster announces to what this machine reaches", () => {
    expect(natMap(connection)).toEqual({ "redis-0:6379": { host: "127.0.0.1", port: 16379 } });
  });
});

describe("client programs", () => {
  const programs = clientPrograms(
    "/clone/.dujyo/connect/dev",
    connection,
    "dujyo/postgres:1",
    (member) => `run-in ${member}`,
  );

  it("run where the members are", () => {
    expect(programs["redis-cli"]).toMatch(/exec run-in redis-0 redis-cli .* -h redis-0 -p 6379/);
  });

  it("name files where a password is wanted, never the password", () => {
    expect(programs["redis-cli"]).toContain("<'/clone/.dujyo/connect/dev/redis-operator-password'");
    for (const text of Object.values(programs)) {
      expect(text).not.toMatch(/\bop\b|\bown\b|REDISCLI_AUTH|PGPASSWORD/);
      expect(text.startsWith("#!/bin/sh\n")).toBe(true);
    }
  });
});
