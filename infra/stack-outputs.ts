import type { PostgresIdentity } from "./settings/identity.ts";

/** Where a client connects, and the name that the certificate there is verified by. */
export interface Endpoint {
  /** `localhost` on Docker; on Kubernetes a name that resolves within the stack's namespace. */
  readonly host: string;
  readonly port: number;
}

/** Keys of personal fields, each 64 hex digits. */
export interface PersonalKeys {
  /** Of the blind index, by which a row is found. */
  readonly index: string;
  /** By the number that a row tells as its `key_version`; the highest encrypts, all decrypt. */
  readonly encryption: Readonly<Record<string, string>>;
}

/** A member by the name it has inside the stack. */
export interface Node extends Endpoint {
  readonly name: string;
}

/** A member of Redis Cluster, which tells clients of the others by `name` and `announcedPort`. */
export interface RedisNode extends Node {
  readonly announcedPort: number;
}

/**
 * The outputs of a stack, the same on every target: what other programs may build on. A field is added freely; one that
 * changes or goes breaks whoever reads it.
 */
export interface StackOutputs {
  readonly apiUrl: string;
  readonly database: string;
  /** The primary, whichever member that is. */
  readonly writer: Endpoint;
  /** Replicas that are close enough behind. */
  readonly reader: Endpoint;
  /** PgBouncer: `database` is the writer, `<database>_ro` the reader. */
  readonly pooler: Endpoint;
  readonly postgresNodes: readonly Node[];
  readonly redisNodes: readonly RedisNode[];
  /** Pages of the monitoring. */
  readonly pages: readonly { readonly name: string; readonly url: string }[];
  /** Root certificates, PEM: of PostgreSQL and what stands in front of it, of Redis, of the API's own listener. */
  readonly caCert: Readonly<Record<"postgres" | "redis" | "api", string>>;
  /** By role; secrets. */
  readonly postgresPasswords: Readonly<
    Record<"superuser" | "replication" | "rewind" | "owner" | "app" | "readonly" | "monitoring", string>
  >;
  /** Passwords by role, root certificate and its key: all that another site of the same database shares. A secret. */
  readonly postgresIdentity: PostgresIdentity;
  /** By user; secrets. */
  readonly redisPasswords: Readonly<Record<"app" | "operator" | "exporter", string>>;
  /** Private key of bearer tokens, a JSON Web Key; a secret. */
  readonly apiSigningKey: string;
  /** What the pseudonyms in the API's access log are made with; a secret. */
  readonly apiAccessLogKey: string;
  /** For programs that write or read personal fields; a secret. */
  readonly personalKeys: PersonalKeys;
  /** Of Grafana's user `admin`, a secret; missing where there is no Grafana. */
  readonly grafanaPassword?: string;
}
