import { createHash } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { ApiGateway } from "../../infra/components/api-gateway.ts";
import { ApiService } from "../../infra/components/api-service.ts";
import { EtcdCluster } from "../../infra/components/etcd-cluster.ts";
import { PostgresCluster } from "../../infra/components/postgres-cluster.ts";
import { PostgresPooling } from "../../infra/components/postgres-pooling.ts";
import { PostgresRouting } from "../../infra/components/postgres-routing.ts";
import { RedisCluster } from "../../infra/components/redis-cluster.ts";
import { CertificateAuthority } from "../../infra/secrets/certificates.ts";
import { parseSettings } from "../../infra/settings/parse.ts";
import type { Target } from "../../infra/target.ts";
import { isSecret, plain, type Registered, record } from "../support/mocks.ts";
import { type PerTarget, READERS, type Running, TARGET_NAMES, TARGETS } from "../support/targets.ts";

/** What the graph says; that it works on real engines is what the stack tests show. */

const settings = parseSettings("dev", {});

/** What is in a file below /etc/dujyo, of a resource that carries it. */
const CARRIED: PerTarget<(inputs: unknown, path: string) => string | undefined> = {
  docker: (inputs, path) =>
    (inputs as { uploads?: { file: string; content: string }[] }).uploads?.find(
      ({ file }) => file === `/etc/dujyo/${path}`,
    )?.content,
  kubernetes: (inputs, path) => {
    const encoded = (inputs as { data?: Record<string, string> }).data?.[path.replaceAll("/", "__")];
    return encoded && Buffer.from(encoded, "base64").toString();
  },
};

for (const name of TARGET_NAMES) {
  const deploy = async (
    program: (target: Target) => unknown,
  ): Promise<Running & { registered: Registered[] }> => {
    const registered = await record(() => program(TARGETS[name]()));
    return { ...READERS[name](registered), registered };
  };

  const contentOf = (registered: readonly Registered[], path: string) =>
    registered.map(({ inputs }) => CARRIED[name](plain(inputs), path)).find((text) => text !== undefined);

  const etcdOn = (target: Target) =>
    new EtcdCluster("etcd", { target, settings: settings.etcd, token: "dev" });
  const postgresOn = (target: Target, changed: Partial<typeof settings.postgres> = {}) =>
    new PostgresCluster("postgres", {
      target,
      settings: { ...settings.postgres, ...changed },
      backup: settings.backup,
      allowedCidrs: [],
      consensus: etcdOn(target),
      portOffset: 100,
      pooler: { host: "pgbouncer", instances: "pgbouncer" },
      endpointHosts: ["haproxy"],
    });

  describe(`EtcdCluster on ${name}`, () => {
    it("gives each member its own disk and certificate, and publishes none, where there has to be one", async () => {
      const running = await deploy(etcdOn);
      const own = ["etcd.yml", "tls/ca.crt", "tls/client.crt", "tls/client.key", "tls/server.crt"];
      const expected: PerTarget<
        Pick<Running, "members" | "disks" | "published"> & { files: string[] | undefined }
      > = {
        docker: {
          members: ["etcd-0", "etcd-1", "etcd-2"],
          disks: ["etcd-0-data", "etcd-1-data", "etcd-2-data"],
          published: { "etcd-0": [], "etcd-1": [], "etcd-2": [] },
          files: [...own, "tls/server.key"],
        },
        // The cluster's own API is the store.
        kubernetes: { members: [], disks: [], published: {}, files: undefined },
      };
      const { members, disks, published, files } = running;
      expect({ members, disks, published, files: files["etcd-1"] }).toEqual(expected[name]);
    });
  });

  describe(`PostgresCluster on ${name}`, () => {
    it("runs the primary and its replicas on consecutive ports, each with a disk", async () => {
      const running = await deploy((target) => postgresOn(target));
      const expected: PerTarget<{ disks: string[]; published: Record<string, number[]> }> = {
        docker: {
          disks: ["postgres-0-data", "postgres-1-data", "postgres-2-data"],
          published: { "postgres-0": [5532], "postgres-1": [5533], "postgres-2": [5534] },
        },
        kubernetes: {
          disks: ["data-postgres-0", "data-postgres-1", "data-postgres-2"],
          published: {},
        },
      };
      expect(running.disks.filter((disk) => disk.includes("postgres"))).toEqual(expected[name].disks);
      expect(running.published).toMatchObject(expected[name].published);
    });

    it("seeds the shared configuration before the members and settles them after", async () => {
      const { jobs } = await deploy((target) => postgresOn(target));
      const expected: PerTarget<string[]> = {
        docker: ["postgres-seed", "postgres-settle"],
        kubernetes: ["postgres-seed", "postgres-settle"],
      };
      expect(jobs).toEqual(expected[name]);
    });

    it("lets members that are to go hand over before they do, where they would go first", async () => {
      const { files } = await deploy((target) => postgresOn(target));
      const expected: PerTarget<boolean> = { docker: false, kubernetes: true };
      expect(files["postgres-seed"]?.includes("settle.json")).toBe(expected[name]);
      expect(files["postgres-settle"]).toContain("settle.json");
    });

    it("knows the passwords of all numbers for clients' roles, and has those of the last", async () => {
      const told: Record<string, string> = {};
      await deploy((target) => {
        const { passwords, knownPasswords } = postgresOn(target, { passwords: [2, 1] });
        passwords.app.apply((text) => {
          told.app = text;
        });
        knownPasswords.app.apply((text) => {
          told.known = text;
        });
        knownPasswords.superuser.apply((text) => {
          told.superuser = text;
        });
      });
      expect(told).toEqual({
        app: "password-of-postgres-app",
        known: "password-of-postgres-app\npassword-of-postgres-app-2",
        superuser: "password-of-postgres-superuser",
      });
    });

    it("has members log in as one role of a pair, and both roles in place while their passwords change", async () => {
      const files = async (memberPasswords: number[]) => {
        const running = await deploy((target) => postgresOn(target, { memberPasswords }));
        const patroni = parse(contentOf(running.registered, "patroni.yml") ?? "");
        const { replication, rewind } = patroni.postgresql.authentication;
        return {
          logins: [replication, rewind].map(({ username, password }) => `${username} ${password}`),
          superuser: contentOf(running.registered, "secrets/postgres-password"),
          settled: ["dujyo-repl", "dujyo-repl-b", "dujyo-rewind", "dujyo-rewind-b"].map((role) =>
            contentOf(running.registered, `secrets/${role}-password`)?.trim(),
          ),
        };
      };
      const first = {
        logins: ["dujyo_repl password-of-postgres-replication", "dujyo_rewind password-of-postgres-rewind"],
        superuser: "password-of-postgres-superuser",
        settled: ["password-of-postgres-replication", "", "password-of-postgres-rewind", ""],
      };
      const second = {
        logins: [
          "dujyo_repl_b password-of-postgres-replication-2",
          "dujyo_rewind_b password-of-postgres-rewind-2",
        ],
        superuser: "password-of-postgres-superuser-2",
        settled: ["", "password-of-postgres-replication-2", "", "password-of-postgres-rewind-2"],
      };
      const settled = first.settled.map((password, index) => password || second.settled[index]);
      const known = (...passwords: string[]) => passwords.join("\n");
      expect(await files([1])).toEqual(first);
      expect(await files([2, 1])).toEqual({
        ...first,
        settled,
        superuser: known(first.superuser, second.superuser),
      });
      expect(await files([1, 2])).toEqual({
        ...second,
        settled,
        superuser: known(second.superuser, first.superuser),
      });
      expect(await files([2])).toEqual(second);
    });

    it("hands files over as secrets, whatever is in them", async () => {
      const { registered } = await deploy((target) => postgresOn(target));
      const key: PerTarget<string> = { docker: "uploads", kubernetes: "data" };
      const carried = registered.flatMap(({ inputs }) => (key[name] in inputs ? [inputs[key[name]]] : []));
      expect(carried.length).toBeGreaterThanOrEqual(4);
      expect(carried.filter((input) => !isSecret(input))).toEqual([]);
    });

    it("keeps what the consensus store carries out of the members' files", async () => {
      const { files } = await deploy((target) => postgresOn(target));
      expect(files["postgres-0"]).not.toContain("dynamic.yml");
      expect(files["postgres-settle"]).toContain("dynamic.yml");
      expect(files["postgres-0"]?.filter((file) => file.startsWith("secrets/"))).toEqual([]);
      expect(files["postgres-settle"]?.filter((file) => file.startsWith("secrets/"))).toHaveLength(9);
    });
  });

  describe(`PostgresRouting and PostgresPooling on ${name}`, () => {
    it("publish the writer, the reader and the pooler", async () => {
      const running = await deploy((target) => {
        const cluster = postgresOn(target);
        const routing = new PostgresRouting("haproxy", { target, settings, cluster, portOffset: 0 });
        new PostgresPooling("pgbouncer", {
          target,
          settings,
          cluster,
          routing,
          portOffset: 0,
        });
      });
      const expected: PerTarget<Record<string, number[]>> = {
        docker: { haproxy: [5000, 5001], pgbouncer: [6432] },
        kubernetes: {},
      };
      expect(running.published).toMatchObject(expected[name]);
    });
  });

  describe(`ApiService and ApiGateway on ${name}`, () => {
    const apiOn = (target: Target, tokenKeys = settings.api.tokenKeys) => {
      const cluster = postgresOn(target);
      const routing = new PostgresRouting("haproxy", { target, settings, cluster, portOffset: 0 });
      const pooling = new PostgresPooling("pgbouncer", {
        target,
        settings,
        cluster,
        routing,
        portOffset: 0,
      });
      const redis = new RedisCluster("redis", { target, settings: settings.redis, portOffset: 0 });
      const service = new ApiService("api", {
        target,
        settings: { ...settings, api: { ...settings.api, tokenKeys } },
        postgres: cluster,
        routing,
        pooling,
        redis,
      });
      if (!target.balancesServices)
        new ApiGateway("gateway", {
          target,
          settings,
          service,
          portOffset: 100,
          metricsAuthority: new CertificateAuthority("monitoring-ca", { commonName: "monitoring" }),
        });
      return service;
    };

    let running: Awaited<ReturnType<typeof deploy>>;
    // The graph stands on all others: recorded once, since that takes seconds on a busy machine.
    beforeAll(async () => {
      running = await deploy((target) => apiOn(target));
    }, 60_000);

    it("sign tokens with the last key and accept those of all", async () => {
      const told = { signs: "", accepted: "" };
      await deploy((target) => {
        const { signingKey, keySet } = apiOn(target, [1, 2]);
        signingKey.privateJwk.apply((key) => {
          told.signs = key;
        });
        keySet.apply((keys) => {
          told.accepted = keys;
        });
      });
      expect(told.signs).toBe("key-of-api-signing-key-2");
      expect(JSON.parse(told.accepted)).toEqual({
        keys: [{ kid: "api-signing-key" }, { kid: "api-signing-key-2" }],
      });
    });

    it("migrate before they serve, and publish one port for all instances", () => {
      const { jobs, published } = running;
      const expected: PerTarget<Record<string, number[]>> = {
        docker: { "api-0": [], "api-1": [], gateway: [8183] },
        kubernetes: {},
      };
      expect(jobs).toContain("migrate");
      expect(published).toMatchObject(expected[name]);
    });

    it("give each instance its key, and whoever balances the root alone", () => {
      const { files } = running;
      const expected: PerTarget<Record<string, string[]>> = {
        docker: {
          "api-1": [
            "tls/ca.crt",
            "tls/postgres-ca.crt",
            "tls/redis-ca.crt",
            "tls/server.crt",
            "tls/server.key",
          ],
          gateway: ["tls/ca.crt", "tls/metrics-ca.crt", "tls/metrics.crt", "tls/metrics.key"],
          migrate: ["tls/postgres-ca.crt"],
        },
        kubernetes: {
          api: ["tls/ca.crt", "tls/postgres-ca.crt", "tls/redis-ca.crt", "tls/server.crt", "tls/server.key"],
          migrate: ["tls/postgres-ca.crt"],
        },
      };
      for (const [part, paths] of Object.entries(expected[name]))
        expect(
          files[part]?.filter((file) => file.startsWith("tls/")),
          part,
        ).toEqual(paths);
    });

    it("tell the service what the stack's settings are", () => {
      const written: PerTarget<(key: string, value: string) => string> = {
        docker: (key, value) => `"${key}=${value}"`,
        kubernetes: (key, value) => `{"name":"${key}","value":"${value}"}`,
      };
      const text = JSON.stringify(running.registered.map(({ inputs }) => plain(inputs)));
      const expected = {
        DB_REPLICAS: settings.postgres.replicas,
        DB_WRITE_TIMEOUT_MS: 8_000,
        // One loop of 5 s and three checks, 2 s apart.
        DB_LAG_BOUND_MS: 11_000,
        REDIS_CONNECT_TIMEOUT_MS: 1_000,
        CACHE_JITTER_PERCENT: 10,
        RETRIES: 2,
      };
      for (const [key, value] of Object.entries(expected))
        expect(text).toContain(written[name](key, String(value)));
    });

    it("name every instance in the certificate, and check every instance's name", () => {
      const { registered } = running;
      const leaf = plain(registered.find((resource) => resource.name === "api-tls")?.inputs) as {
        names: string[];
      };
      const whole = (member: string) => [
        member,
        `${member}.api`,
        `${member}.api.dujyo-dev.svc.cluster.local`,
      ];
      const expected: PerTarget<string[]> = {
        docker: ["api-0", "api-1", "api", "localhost", "127.0.0.1"],
        kubernetes: [...whole("api-0"), ...whole("api-1"), "api", "localhost", "127.0.0.1"],
      };
      expect(leaf.names).toEqual(expected[name]);
      const gateway: PerTarget<string[]> = {
        docker: ["api-0:8083 check verifyhost api-0", "api-1:8083 check verifyhost api-1"],
        // Its service balances.
        kubernetes: [],
      };
      const carrier = registered.find((at) => at.name === "gateway-files" && "uploads" in at.inputs);
      const text = JSON.stringify(plain(carrier?.inputs));
      for (const server of gateway[name]) expect(text).toContain(server);
    });
  });

  describe(`RedisCluster on ${name}`, () => {
    it("runs shards x (1 + replicas) members with consecutive ports, and reconciles them", async () => {
      const running = await deploy(
        (target) => new RedisCluster("redis", { target, settings: settings.redis, portOffset: 0 }),
      );
      const expected: PerTarget<Pick<Running, "published" | "jobs">> = {
        docker: {
          published: {
            "redis-0": [6379],
            "redis-1": [6380],
            "redis-2": [6381],
            "redis-3": [6382],
            "redis-4": [6383],
            "redis-5": [6384],
          },
          jobs: ["redis-reconcile"],
        },
        // A smaller set loses its members at once: they are drained before.
        kubernetes: { published: {}, jobs: ["redis-drain", "redis-reconcile"] },
      };
      expect(running).toMatchObject(expected[name]);
    });

    it("accepts the passwords of all numbers, and uses those of the last", async () => {
      const digest = (password: string) => `#${createHash("sha256").update(password).digest("hex")}`;
      const [one, two] = ["password-of-redis-app", "password-of-redis-app-2"] as const;
      let used = "";
      const { registered } = await deploy((target) => {
        const redis = { ...settings.redis, passwords: [2, 1] };
        new RedisCluster("redis", { target, settings: redis, portOffset: 0 }).connection.passwords.app.apply(
          (password) => {
            used = password;
          },
        );
      });
      expect(used).toBe(one);
      const text = contentOf(registered, "users.acl");
      expect(text?.includes(`user app on ${digest(one)} ${digest(two)} ~`), text).toBe(true);
    });

    it("stores passwords of users as digests only, beside the three that members need", async () => {
      const { files } = await deploy(
        (target) => new RedisCluster("redis", { target, settings: settings.redis, portOffset: 0 }),
      );
      expect(files["redis-0"]?.filter((file) => file.startsWith("secrets/"))).toEqual([
        "secrets/redis-cluster",
        "secrets/redis-reload",
        "secrets/redis-replication",
      ]);
    });
  });
}
