import type { PersonalKeys, StackOutputs } from "../infra/stack-outputs.ts";

/** An address on the developer's machine. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** The stack's outputs, as day-2 commands and tests on this machine make use of them. */
export interface Connection {
  readonly database: string;
  /** Plain HTTP, on loopback only. */
  readonly api: Address;
  /** Private key of bearer tokens, a JSON Web Key. */
  readonly apiSigningKey: string;
  /** What the pseudonyms in the API's access log are made with. */
  readonly apiAccessLogKey: string;
  /** Keys of personal fields; missing where the stack was brought up by a version without them. */
  readonly personalKeys?: PersonalKeys;
  /** PgBouncer, which serves the writer and the reader under two database names. */
  readonly pooler: Address;
  readonly writer: Address;
  readonly reader: Address;
  /** Members by ordinal; `host` is the name inside the network. */
  readonly postgres: readonly Address[];
  /** Pages of the monitoring, plain HTTP on loopback. */
  readonly pages: readonly { readonly name: string; readonly port: number }[];
  /** Of Grafana's user `admin`; missing where there is no Grafana. */
  readonly grafanaPassword?: string;
  /** PEM. */
  readonly postgresCa: string;
  readonly postgresPasswords: Readonly<
    Record<"superuser" | "owner" | "app" | "readonly" | "monitoring", string>
  >;
  /** Members by ordinal: name and port inside the network, and the port on this machine. */
  readonly redis: readonly (Address & { readonly published: number })[];
  /** PEM. */
  readonly redisCa: string;
  readonly redisPasswords: Readonly<Record<"app" | "operator", string>>;
}

/** Members go by their names here: all of them are on this machine. */
export function connectionOf(outputs: StackOutputs): Connection {
  const { database, writer, reader, pooler, caCert, grafanaPassword } = outputs;
  const portOf = (url: string) => Number(new URL(url).port) || 443;
  return {
    ...{ database, writer, reader, pooler },
    api: { host: new URL(outputs.apiUrl).hostname, port: portOf(outputs.apiUrl) },
    apiSigningKey: outputs.apiSigningKey,
    apiAccessLogKey: outputs.apiAccessLogKey,
    ...(outputs.personalKeys && { personalKeys: outputs.personalKeys }),
    postgres: outputs.postgresNodes.map(({ name, port }) => ({ host: name, port })),
    pages: outputs.pages.map(({ name, url }) => ({ name, port: portOf(url) })),
    ...(grafanaPassword === undefined ? {} : { grafanaPassword }),
    postgresCa: caCert.postgres,
    postgresPasswords: outputs.postgresPasswords,
    redis: outputs.redisNodes.map(({ name, announcedPort, port }) => ({
      host: name,
      port: announcedPort,
      published: port,
    })),
    redisCa: caCert.redis,
    redisPasswords: outputs.redisPasswords,
  };
}

/** Login of each role that a person has use for. */
export const LOGINS = {
  owner: "dujyo_user",
  app: "dujyo_app",
  readonly: "dujyo_readonly",
  monitoring: "monitoring",
} as const;
