import { describe, expect, it } from "vitest";
import { IDENTITY_KEYS } from "../../infra/settings/identity.ts";
import type { StackOutputs } from "../../infra/stack-outputs.ts";
import { connectionOf } from "../../ops/connection.ts";
import { isSecret, ofType, plain } from "../support/mocks.ts";
import { type PerTarget, READERS, TARGET_NAMES } from "../support/targets.ts";
import { type Given, wholeProgram } from "../support/whole-program.ts";

/** Recording the whole program takes seconds on a busy machine. */
const RECORDING_MS = 60_000;

/** The smallest shape of every list, and ports that are not the defaults. */
const SMALL = {
  postgres: { replicas: 1 },
  redis: { replicasPerShard: 0 },
  monitoring: { enabled: true, grafana: false },
};
const STACKS: PerTarget<readonly [stack: string, changes: Given]> = {
  docker: ["light", SMALL],
  kubernetes: ["ci", SMALL],
};

type Places = Omit<StackOutputs, "caCert" | "postgresIdentity" | "postgresPasswords" | "redisPasswords">;

const COMMON = {
  database: "dujyo_blockchain",
  apiSigningKey: "key-of-api-signing-key",
  apiAccessLogKey: "password-of-api-access-log-key",
  personalKeys: { index: "key-of-personal-index-key", encryption: { 1: "key-of-personal-key-1" } },
};
const EXPECTED: PerTarget<Places> = {
  docker: {
    ...COMMON,
    apiUrl: "http://localhost:8083",
    writer: { host: "localhost", port: 5000 },
    reader: { host: "localhost", port: 5001 },
    pooler: { host: "localhost", port: 6432 },
    postgresNodes: [
      { name: "postgres-0", host: "localhost", port: 5432 },
      { name: "postgres-1", host: "localhost", port: 5433 },
    ],
    redisNodes: [6379, 6380, 6381].map((port, ordinal) => ({
      name: `redis-${ordinal}`,
      announcedPort: port,
      host: "localhost",
      port,
    })),
    pages: [
      { name: "Prometheus", url: "http://localhost:9090" },
      { name: "Alertmanager", url: "http://localhost:9093" },
    ],
  },
  kubernetes: {
    ...COMMON,
    apiUrl: "https://api:8083",
    writer: { host: "haproxy", port: 5000 },
    reader: { host: "haproxy", port: 5001 },
    pooler: { host: "pgbouncer", port: 6432 },
    postgresNodes: ["postgres-0", "postgres-1"].map((name) => ({ name, host: name, port: 5432 })),
    redisNodes: [6379, 6380, 6381].map((port, ordinal) => ({
      name: `redis-${ordinal}`,
      announcedPort: port,
      host: `redis-${ordinal}`,
      port,
    })),
    pages: [
      { name: "Prometheus", url: "https://prometheus-0:9090" },
      { name: "Alertmanager", url: "https://alertmanager-0:9093" },
    ],
  },
};

describe.each(TARGET_NAMES)("the outputs of a stack on %s", (target) => {
  it("are the contract's, with all that opens something secret", { timeout: RECORDING_MS }, async () => {
    const { outputs, secretOutputs } = await wholeProgram(...STACKS[target]);
    const { caCert, postgresIdentity, postgresPasswords, redisPasswords, ...places } = outputs;
    expect(places).toEqual(EXPECTED[target]);
    expect(caCert).toEqual({
      postgres: "certificate-of-postgres-ca",
      redis: "certificate-of-redis-ca",
      api: "certificate-of-api-ca",
    });
    expect(Object.keys(postgresPasswords).sort()).toEqual(
      ["app", "monitoring", "owner", "readonly", "replication", "rewind", "superuser"].sort(),
    );
    expect(postgresIdentity).toEqual({
      certificate: "certificate-of-postgres-ca",
      privateKey: "key-of-postgres-ca",
      ...postgresPasswords,
    });
    expect(Object.keys(redisPasswords)).toEqual(expect.arrayContaining(["app", "operator", "exporter"]));
    expect(secretOutputs.toSorted()).toEqual([
      "apiAccessLogKey",
      "apiSigningKey",
      "personalKeys",
      "postgresIdentity",
      "postgresPasswords",
      "redisPasswords",
    ]);
    expect(connectionOf(outputs).redis[1]).toEqual({ host: "redis-1", port: 6380, published: 6380 });
  });
});

describe("a site that follows another", () => {
  const identity = Object.fromEntries(IDENTITY_KEYS.map((key) => [key, `${key}-of-the-other-site`]));
  const standby: Given = {
    postgres: { standby: true, otherSite: { host: "other.example", knownAs: "here.example" } },
    postgresIdentity: identity,
  };

  it("is its database alone, under the other one's identity", { timeout: RECORDING_MS }, async () => {
    const { registered, outputs } = await wholeProgram("ci", standby, ["dujyo:postgresIdentity"]);
    const { members } = READERS.kubernetes(registered);
    expect(members).toEqual(["postgres-0", "postgres-1", "postgres-2", "haproxy"]);
    expect(
      Object.keys(outputs)
        .filter((name) => outputs[name as keyof StackOutputs] !== undefined)
        .sort(),
    ).toEqual(["database", "postgresIdentity", "postgresNodes", "postgresPasswords", "reader", "writer"]);
    const passwords = ofType(registered, "pulumi-nodejs:dynamic/secrets:Password");
    const owner = passwords.get("postgres-owner")?.adopted;
    expect(isSecret(owner)).toBe(true);
    expect(plain(owner)).toBe("owner-of-the-other-site");
    const authority = ofType(registered, "pulumi-nodejs:dynamic/secrets:CertificateAuthority");
    expect(plain(authority.get("postgres-ca")?.adopted)).toMatchObject({
      certificate: "certificate-of-the-other-site",
      privateKey: "privateKey-of-the-other-site",
    });
    const leaf = ofType(registered, "pulumi-nodejs:dynamic/secrets:Certificate").get("postgres-0-tls");
    expect(leaf?.names).toEqual(expect.arrayContaining(["haproxy", "here.example"]));
  });
});

describe("the address of the API", () => {
  it("is its ingress's where it has one", { timeout: RECORDING_MS }, async () => {
    const { outputs } = await wholeProgram("staging");
    expect(outputs.apiUrl).toMatch(/^https:\/\/[^:/]+$/);
  });

  it("is moved by the port offset, with all other ports", { timeout: RECORDING_MS }, async () => {
    const { outputs } = await wholeProgram("light", { ...SMALL, portOffset: 1000 });
    expect(outputs).toMatchObject({ apiUrl: "http://localhost:9083", writer: { port: 6000 } });
    expect(connectionOf(outputs).redis[0]).toEqual({ host: "redis-0", port: 6379, published: 7379 });
  });
});
