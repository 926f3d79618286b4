import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseSettings } from "../../infra/settings/parse.ts";
import { type Answer, CanNotAsk, type Check, judge, runChecks } from "../../ops/audit/check.ts";
import { servesStrangers } from "../../ops/audit/checks/addresses.ts";
import { judgeRetention, judgeTrail } from "../../ops/audit/checks/audit-trail.ts";
import { judgeRepository } from "../../ops/audit/checks/backups.ts";
import { judgeCapture } from "../../ops/audit/checks/canaries.ts";
import {
  ITEMS,
  judgeItem,
  judgeModule,
  judgePrograms,
  judgeSwarm,
  MODULES,
} from "../../ops/audit/checks/cis-docker.ts";
import { judgeRestarts, judgeRows, SHELL_ITEMS, SQL_ITEMS } from "../../ops/audit/checks/cis-postgres.ts";
import { judgeStatuses } from "../../ops/audit/checks/control-plane.ts";
import { CHECKS } from "../../ops/audit/checks/index.ts";
import {
  answersInClear,
  beyondLoopback,
  isRefusal,
  takesOldTls,
  takesStrangers,
  wrongIdentity,
} from "../../ops/audit/checks/links.ts";
import { judgeColumns, judgeErased, judgeUsers, trialOf } from "../../ops/audit/checks/personal-data.ts";
import { judgeBareLogins, judgeLogins, judgeLookups, newestPassword } from "../../ops/audit/checks/pooler.ts";
import { judgeKeys, judgeMatrix, judgeValues, REDIS_MATRIX } from "../../ops/audit/checks/redis-rights.ts";
import { search } from "../../ops/audit/checks/secrets.ts";
import {
  judgeCreators,
  judgeDefiners,
  judgePersonalColumns,
  judgeRoles,
  judgeTables,
} from "../../ops/audit/checks/sql-rights.ts";
import { exceptionsFor } from "../../ops/audit/exceptions.ts";
import { type Listener, listeningPorts, publishedAt } from "../../ops/audit/listeners.ts";
import { reportPage, share } from "../../ops/audit/report.ts";
import { type Container, parseCsv, type Scene } from "../../ops/audit/scene.ts";
import { generatedSecrets, needle, secretsIn } from "../../ops/audit/secrets.ts";
import { ROOT } from "../../tools/layout.ts";
import { writeSelfSigned } from "../support/self-signed.ts";

const EXCEPTIONS = exceptionsFor(parseSettings("dev", {}));

/** Each judge sees a planted fault, and nothing wrong where there is none. */

const NO_SCENE = {} as Scene;
const check = (ask: () => Promise<Answer>): Check => ({ id: "area/name", title: "holds", ask });
const well = { asked: 1, offences: [], evidence: "one thing" };

describe("a verdict", () => {
  const outcome = async (ask: () => Promise<Answer>, exceptions = [] as ReturnType<typeof exceptionsFor>) =>
    (await runChecks([check(ask)], NO_SCENE, exceptions))[0];

  it("is a pass only where something was looked at", async () => {
    expect(await outcome(async () => well)).toMatchObject({ outcome: "passed" });
    expect(await outcome(async () => ({ ...well, asked: 0 }))).toMatchObject({ outcome: "failed" });
  });

  it("is a failure for an offence without a reason, beside one that has it", () => {
    const answer = { ...well, offences: ["known", "unknown"] };
    const exception = { check: "area/name", offence: /^known$/, reason: "so be it" };
    expect(
      judge(
        check(async () => answer),
        answer,
        [exception],
      ),
    ).toMatchObject({
      outcome: "failed",
      offences: ["unknown"],
      excepted: [{ offence: "known", reason: "so be it" }],
    });
    const other = { ...exception, check: "area/other" };
    expect(
      judge(
        check(async () => answer),
        { ...answer, offences: ["known"] },
        [other],
      ).outcome,
    ).toBe("failed");
    expect(
      judge(
        check(async () => answer),
        { ...answer, offences: ["known"] },
        [exception],
      ).outcome,
    ).toBe("excepted");
  });

  it("is skipped with the reason where nobody can ask, and a failure where the check breaks", async () => {
    expect(await outcome(() => Promise.reject(new CanNotAsk("no engine")))).toMatchObject({
      outcome: "skipped",
      evidence: "no engine",
    });
    expect(await outcome(() => Promise.reject(new Error("broken")))).toMatchObject({ outcome: "failed" });
  });

  it("counts in a benchmark's share only where it passes without an exception", () => {
    const verdicts = (["passed", "excepted", "skipped", "failed"] as const).map((result, index) => ({
      ...{ id: `cis/${index}`, title: "t", outcome: result, evidence: "e" },
      ...{ offences: [], excepted: [] },
    }));
    expect(share(verdicts, "cis")).toBeCloseTo(100 / 3);
    const page = reportPage({
      date: "2026-01-01",
      stack: "dev",
      settings: ["backup.enabled: true"],
      verdicts,
    });
    expect(page).toContain("1 passed, 1 excepted, 1 skipped, 1 failed");
    expect(page).toContain("but for `backup.enabled: true`.");
  });

  it("has one name each, and exceptions name checks that there are", () => {
    const ids = CHECKS.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(EXCEPTIONS.filter(({ check: id, reason }) => !ids.includes(id) || reason === "")).toEqual([]);
  });
});

/** Where a fault is planted for each check: its name, the file below test/, the name of the test there. */
const PLANTED: readonly (readonly [RegExp, string, string])[] = [
  [/^links\/plaintext$/, "ops/audit.test.ts", "in clear are found"],
  [/^links\/old-tls$/, "ops/audit.test.ts", "of old versions are found"],
  [/^links\/(no|foreign)-certificate$/, "ops/audit.test.ts", "that let strangers in are found"],
  [/^links\/identity$/, "ops/audit.test.ts", "with another's certificate are found"],
  [/^links\/loopback$/, "ops/audit.test.ts", "published beyond loopback are found"],
  [/^links\/capture$/, "stack/audit.test.ts", "finds a canary in clear on the network"],
  [/^addresses\/stranger$/, "stack/access.test.ts", "serves the networks of access.allowedCidrs"],
  [/^addresses\/container$/, "stack/access.test.ts", "serves a container of its own network"],
  [/^identities\/tables$/, "stack/audit.test.ts", "finds a right too much"],
  [
    /^identities\/(personal-columns|roles|creators)$/,
    "ops/audit.test.ts",
    "that read personal fields, make objects or are superusers are found",
  ],
  [/^identities\/definers$/, "ops/audit.test.ts", "lent by functions are found"],
  [/^identities\/pooler-logins$/, "ops/audit.test.ts", "that get through the pooler, or do not, are found"],
  [/^identities\/pooler-certificate$/, "ops/audit.test.ts", "that let anybody in as the look-ups are found"],
  [/^identities\/pooler-lookups$/, "stack/audit.test.ts", "finds a verifier too much"],
  [/^identities\/patroni$/, "ops/audit.test.ts", "that Patroni obeys without a certificate are found"],
  [/^identities\/redis$/, "ops/audit.test.ts", "of Redis with a command too many or too few are found"],
  [/^secrets\//, "ops/audit.test.ts", "are found in any text, and named without their value"],
  [/^data\/cache-expiry$/, "stack/audit.test.ts", "finds a key that stays for ever"],
  [/^data\/(cache-personal|columns|users)$/, "ops/audit.test.ts", "of persons is found in cache and columns"],
  [/^data\/erasure$/, "ops/audit.test.ts", "that erasing leaves is found"],
  [/^data\/backups$/, "ops/audit.test.ts", "of backups in clear is found"],
  [/^trail\/postgres$/, "stack/audit.test.ts", "finds what leaves no record"],
  [/^trail\/retention$/, "ops/audit.test.ts", "without a bound is found"],
  [/^cis-postgres\/1\.3$/, "ops/audit.test.ts", "see a server that stays away when the machine starts"],
  [/^cis-postgres\/(?!1\.3$)/, "ledger/benchmark-faults.test.ts", "finds the fault of $section"],
  [/^cis-docker\/5\.1$/, "ops/audit.test.ts", "see an engine of a swarm"],
  [/^cis-docker\/5\.[23]$/, "ops/audit.test.ts", "see what the kernel's module does not confine"],
  [/^cis-docker\/5\.7$/, "ops/audit.test.ts", "see a server of SSH in a container"],
  [/^cis-docker\/(?!5\.[1237]$)/, "ops/audit.test.ts", "see a container that breaks $section"],
];

describe("a planted fault", () => {
  it.each(CHECKS.map(({ id }) => id))("proves that %s can fail", (id) => {
    const tests = PLANTED.filter(([pattern]) => pattern.test(id));
    expect(tests.map(([, file, name]) => `${file}: ${name}`)).toHaveLength(1);
    const [[, file = "", name = ""] = []] = tests;
    const source = readFileSync(join(ROOT, "test", file), "utf8");
    // The line that names it here is no test.
    const titles = [...source.matchAll(/\bit(?:\.each\([^\n]*\))?\("([^"]+)"/g)].map(([, title]) => title);
    expect(titles.filter((title) => title?.startsWith(name))).not.toEqual([]);
  });
});

describe("exceptions", () => {
  it("excuse a log that is not archived where no backups are taken, and nowhere else", () => {
    const excused = (enabled: boolean) =>
      exceptionsFor(parseSettings("dev", { backup: { enabled } })).map(({ check }) => check);
    for (const section of ["7.3", "7.4", "8.2"]) {
      expect(excused(false)).toContain(`cis-postgres/${section}`);
      expect(excused(true)).not.toContain(`cis-postgres/${section}`);
    }
  });

  const outcome = (offence: string) =>
    judge({ ...check(async () => well), id: "links/identity" }, { ...well, offences: [offence] }, EXCEPTIONS)
      .outcome;

  it("excuse instances of the API that name each other, and nobody else", () => {
    expect(outcome("api-0:8083 shows a certificate that also names api-1, api-2")).toBe("excepted");
    expect(outcome("api-0:8083 shows a certificate that also names redis-0")).toBe("failed");
    expect(outcome("redis-0:6379 shows a certificate that also names api-1")).toBe("failed");
  });
});

describe("links", () => {
  let folder: string;
  let credentials: TlsOptions;
  const servers: Server[] = [];
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "dujyo-audit-test-"));
    const [key, cert] = [join(folder, "key"), join(folder, "cert")];
    await writeSelfSigned(key, cert, ["redis-0", "redis-1"]);
    credentials = { key: readFileSync(key), cert: readFileSync(cert) };
  });
  afterAll(() => {
    for (const server of servers) server.close();
    rmSync(folder, { recursive: true });
  });

  async function listen(server: Server): Promise<Listener> {
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    return { member: "redis-0", host: "127.0.0.1", port, opening: "tls", mutual: true };
  }
  const tls = (more: TlsOptions) =>
    listen(
      createTlsServer({ ...credentials, ...more }, (socket) =>
        socket.on("error", () => undefined).on("data", () => socket.end("+PONG")),
      ).on("tlsClientError", () => undefined),
    );

  it("in clear are found", async () => {
    const open = await listen(createServer((socket) => socket.on("data", () => socket.end("+PONG\r\n"))));
    expect((await answersInClear([open])).offences).toHaveLength(1);
    expect((await answersInClear([await tls({})])).offences).toEqual([]);
    expect(isRefusal(Buffer.from("HTTP/1.0 200 OK\r\n"))).toBe(false);
    expect(isRefusal(Buffer.from("R\0\0\0"))).toBe(false);
  });

  it("of old versions are found", async () => {
    const old = await tls({ minVersion: "TLSv1", ciphers: "ALL:@SECLEVEL=0" });
    expect((await takesOldTls([old])).offences).toEqual([expect.stringContaining("speaks TLSv1.1")]);
    expect((await takesOldTls([await tls({ minVersion: "TLSv1.2" })])).offences).toEqual([]);
  });

  it("that let strangers in are found", async () => {
    const open = await tls({});
    const closed = await tls({ requestCert: true, rejectUnauthorized: true });
    const stranger = { cert: credentials.cert, key: credentials.key } as Parameters<typeof takesStrangers>[1];
    for (const certificate of [undefined, stranger]) {
      expect((await takesStrangers([open], certificate)).offences).toHaveLength(1);
      expect((await takesStrangers([closed], certificate)).offences).toEqual([]);
    }
  });

  it("with another's certificate are found", () => {
    const shown = new X509Certificate(credentials.cert as Buffer);
    const [root] = [credentials.cert?.toString() as string];
    expect(wrongIdentity(shown, "redis-0", ["redis-0"], [root])).toEqual([]);
    expect(wrongIdentity(shown, "redis-0", ["redis-0", "redis-1"], [root])).toHaveLength(1);
    expect(wrongIdentity(shown, "api", ["api"], [root])).toHaveLength(1);
    expect(wrongIdentity(shown, "redis-0", ["redis-0"], [])).toHaveLength(1);
  });

  it("published beyond loopback are found", () => {
    const published = (HostIp: string) =>
      [
        { Name: "/x", NetworkSettings: { Networks: {}, Ports: { "1/tcp": [{ HostIp }] } } },
      ] as unknown as Container[];
    expect(beyondLoopback(published("127.0.0.1")).offences).toEqual([]);
    expect(beyondLoopback(published("0.0.0.0")).offences).toHaveLength(1);
  });

  it("are taken from the kernel's tables, without loopback", () => {
    const table =
      "  sl local rem st\n 0: 00000000:1F93 00000000:0000 0A\n 1: 0B00007F:9999 00000000:0000 0A\n 2: 00000000:0050 01020304:0001 01\n";
    expect(listeningPorts(table)).toEqual([8083]);
  });
});

describe("a capture", () => {
  const judged = (...names: string[]) =>
    judgeCapture(
      {
        ...{ packets: 9, dropped: 0, ports: [5000, 40_000] },
        found: names.map((name) => [name, "172.30.17.2:40000", "172.30.17.3:5000"]),
      },
      [5000, 5001],
    );

  it("passes where nothing is in clear but what was sent so on purpose", () => {
    expect(judged("control")).toEqual({
      ...{ asked: 9, offences: [] },
      evidence: "9 packets of 1 ports (5000), 0 missed",
    });
  });

  it("fails for a canary or a secret in clear, and where it saw nothing", () => {
    expect(judged("control", "postgres-app").offences).toEqual([
      "postgres-app went in clear from 172.30.17.2:40000 to 172.30.17.3:5000",
    ]);
    expect(judged().offences).toEqual(["what was sent in clear on purpose was not seen"]);
  });
});

describe("addresses", () => {
  const port = (opening: Listener["opening"]): Listener => ({
    ...{ member: "haproxy", host: "x", port: 5000, opening, mutual: false },
  });
  const offences = async (opening: Listener["opening"], answer: string) =>
    (await servesStrangers([port(opening)], async () => [Buffer.from(answer)])).offences;

  it("of strangers that a port serves are found", async () => {
    expect(await offences("postgres", "R\0\0\0")).toEqual([
      "haproxy:5000 serves a client of a foreign network",
    ]);
    expect(await offences("postgres", "E\0\0\0FATAL")).toEqual([]);
    expect(await offences("tls", "-NOAUTH")).toHaveLength(1);
    expect(await offences("http", "HTTP/1.0 200 OK")).toHaveLength(1);
    expect(await offences("http", "")).toEqual([]);
  });

  it("of what is published are those of the machine", () => {
    const haproxy = {
      Config: { Labels: { "io.dujyo.member": "haproxy" } },
      NetworkSettings: { Ports: { "5000/tcp": [{ HostPort: "6000" }], "5001/tcp": null } },
    } as unknown as Container;
    const places = [port("postgres"), { ...port("postgres"), port: 5001 }];
    expect(publishedAt("10.0.0.1", places, [haproxy])).toEqual([
      { ...port("postgres"), host: "10.0.0.1", port: 6000 },
    ]);
  });
});

describe("identities", () => {
  it("with too much or too little on a relation are found", () => {
    expect(
      judgeTables([
        ["dujyo_app", "balances", "S"],
        ["dujyo_readonly", "users", "S"],
        ["monitoring", "users", ""],
      ]).offences,
    ).toEqual([]);
    expect(judgeTables([["dujyo_app", "balances", "SU"]]).offences).toHaveLength(1);
    expect(judgeTables([["dujyo_readonly", "balances", ""]]).offences).toHaveLength(1);
    expect(judgeTables([["monitoring", "users", "S"]]).offences).toHaveLength(1);
  });

  it("that read personal fields, make objects or are superusers are found", () => {
    expect(
      judgePersonalColumns([
        ["dujyo_readonly", "username"],
        ["dujyo_app", "email_index"],
      ]).offences,
    ).toEqual([]);
    expect(judgePersonalColumns([["dujyo_readonly", "email_index"]]).offences).toHaveLength(1);
    expect(
      judgeCreators([
        ["dujyo_app", "f", "schema public"],
        ["dujyo_app", "t", "schema public"],
      ]).offences,
    ).toHaveLength(1);
    expect(
      judgeRoles(
        [
          ["dujyo_app", "", "SCRAM-SHA-256"],
          ["postgres", "srcdb", "SCRAM-SHA-256"],
          ["pgbouncer", "", ""],
        ],
        [["monitoring", "pg_monitor"]],
      ).offences,
    ).toEqual([]);
    expect(judgeRoles([["dujyo_app", "s", "SCRAM-SHA-256"]], []).offences).toHaveLength(1);
    expect(judgeRoles([["pgbouncer", "", "SCRAM-SHA-256"]], []).offences).toEqual([
      "pgbouncer has a password, and logs in with a certificate",
    ]);
    expect(judgeRoles([["stranger", "", "md5"]], [["dujyo_app", "pg_write_all_data"]]).offences).toHaveLength(
      3,
    );
  });

  it("lent by functions are found", () => {
    expect(judgeDefiners([["f()", "dujyo_user", "search_path=public, pg_temp", "f"]]).offences).toEqual([]);
    expect(judgeDefiners([["f()", "dujyo_user", "", "f"]]).offences).toHaveLength(1);
    expect(judgeDefiners([["f()", "postgres", "search_path=public, pg_temp", "t"]]).offences).toHaveLength(2);
  });

  it("that get through the pooler, or do not, are found", () => {
    const login = (role: string, database: string, answer: string) =>
      judgeLogins([{ role, database, answer }]).offences;
    expect(login("dujyo_app", "dujyo_blockchain", "in")).toEqual([]);
    expect(login("dujyo_app", "pgbouncer", "not allowed")).toEqual([]);
    expect(login("pgbouncer", "dujyo_blockchain", "no authentication method is found")).toEqual([]);
    expect(login("pgbouncer", "dujyo_blockchain", "in")).toEqual(["pgbouncer gets into dujyo_blockchain"]);
    expect(login("monitoring", "pgbouncer", "not allowed")).toHaveLength(1);
    expect(login("postgres", "dujyo_blockchain", "timeout expired")).toHaveLength(1);
  });

  it("are tried with the newest password that a rotation has made", () => {
    const made = (...names: string[]) => new Map(names.map((name) => [name, `password of ${name}`]));
    const newest = (...names: string[]) => newestPassword(made(...names), "postgres-app");
    expect(newest("postgres-app", "postgres-app-2-tls")).toBe("password of postgres-app");
    expect(newest("postgres-app-10", "postgres-app-9", "postgres-app")).toBe("password of postgres-app-10");
    expect(newest("postgres-owner")).toBeUndefined();
  });

  it("that let anybody in as the look-ups are found", () => {
    const login = (answer: string) =>
      judgeBareLogins([{ role: "pgbouncer", database: "d", place: "127.0.0.1:5432", answer }]).offences;
    expect(login("connection requires a valid client certificate")).toEqual([]);
    expect(login("in")).toEqual(["127.0.0.1:5432 lets anybody in as the look-ups"]);
    expect(login("timeout expired")).toEqual(["127.0.0.1:5432 asks for no certificate: timeout expired"]);
  });

  it("that the pooler looks up, or looks up with, beyond what it is for are found", () => {
    const found = (...row: string[]) => judgeLookups([row]).offences;
    expect(found("verifier", "dujyo_app", "t")).toEqual([]);
    expect(found("verifier", "postgres", "t")).toEqual(["the look-up gives the verifier of postgres"]);
    expect(found("verifier", "dujyo_app", "f")).toEqual(["the look-up gives the verifier of dujyo_app: no"]);
    expect(found("look-up", "dujyo_app", "t")).toEqual(["the look-up is open to dujyo_app"]);
    expect(found("schema", "public", "t")).toHaveLength(1);
    expect(found("database", "postgres", "t")).toHaveLength(1);
  });

  it("of Redis with a command too many or too few are found", () => {
    const right = REDIS_MATRIX.map(({ allowed }) =>
      allowed ? "OK" : "User x has no permissions to run the 'x' command",
    );
    expect(judgeMatrix(REDIS_MATRIX, right).offences).toEqual([]);
    expect(
      judgeMatrix(
        REDIS_MATRIX,
        right.map(() => "OK"),
      ).offences.length,
    ).toBeGreaterThan(40);
    expect(
      judgeMatrix(
        REDIS_MATRIX,
        right.map(() => "ERR User 'x' not found"),
      ).offences,
    ).toHaveLength(REDIS_MATRIX.length);
  });

  it("that Patroni obeys without a certificate are found", () => {
    expect(judgeStatuses([{ what: "PATCH /config", status: 403 }]).offences).toEqual([]);
    expect(
      judgeStatuses([
        { what: "PATCH /config", status: 400 },
        { what: "x", status: undefined },
      ]).offences,
    ).toHaveLength(2);
  });
});

describe("secrets", () => {
  const secrets = new Map([["postgres-app", "s3cret-s3cret"]]);
  it("are found in any text, and named without their value", () => {
    const { offences } = search(
      [
        ["an environment", "PASSWORD=s3cret-s3cret"],
        ["a log", "nothing"],
      ],
      secrets,
      "texts",
    );
    expect(offences).toEqual(["postgres-app stands in an environment"]);
    expect(search([["a log", "nothing"]], new Map(), "texts").asked).toBe(0);
    expect(secretsIn("s3cret", secrets)).toEqual([]);
  });

  it("are all those that the state holds, keys by what is their own", () => {
    const resource = (type: string, outputs: Record<string, unknown>) => ({
      urn: `urn::${type}`,
      type: `pulumi-nodejs:dynamic/secrets:${type}`,
      outputs,
    });
    const shown = (value: string) => ({ plaintext: JSON.stringify(value) });
    const pem = "-----BEGIN PRIVATE KEY-----\nsame\nown\nrest\n-----END PRIVATE KEY-----\n";
    const resources = [
      resource("Password", { value: shown("word") }),
      resource("SigningKey", { privateJwk: shown('{"d":"number"}') }),
      resource("CertificateAuthority", { privateKey: shown(pem), certificate: "root" }),
      resource("Identity", { value: "no secret" }),
    ];
    const found = generatedSecrets({ version: 3, deployment: { resources } });
    expect([...found.secrets.values()]).toEqual(["word", "number", "own"]);
    expect([...found.authorities.values()]).toEqual(["root"]);
    expect(needle(pem)).toBe("own");
    expect(() =>
      generatedSecrets({ version: 3, deployment: { resources: [resource("Password", {})] } }),
    ).toThrow(/shows no secret/);
  });
});

describe("data", () => {
  it("that stays for ever, or in a foreign key, is found", () => {
    expect(judgeKeys(["dujyo:{a b}:balance 30"]).offences).toEqual([]);
    expect(judgeKeys(["dujyo:x -1", "other 5"]).offences).toHaveLength(2);
    expect(judgeKeys([]).asked).toBe(0);
  });

  it("of persons is found in cache and columns", () => {
    expect(judgeValues(['{"balance":1}']).offences).toEqual([]);
    expect(judgeValues(['{"email":"x"}', "ann@example.org"]).offences).toHaveLength(2);
    expect(
      judgeColumns([
        ["email_ciphertext", "bytea"],
        ["username", "text"],
      ]).offences,
    ).toEqual([]);
    expect(judgeColumns([["phone", "text"]]).offences).toHaveLength(1);
    expect(judgeUsers(["3", "0", "0"]).offences).toEqual([]);
    expect(() => judgeUsers(["0", "0", "0"])).toThrow(CanNotAsk);
    expect(judgeUsers(["3", "1", "1"]).offences).toHaveLength(2);
  });

  it("of backups in clear is found", () => {
    expect(judgeRepository(["cipher"]).offences).toEqual([]);
    expect(judgeRepository(["cipher", "clear ./archive/x"]).offences).toEqual([
      "./archive/x: the repository is in clear",
    ]);
    expect(judgeRepository([]).asked).toBe(0);
  });

  it("that erasing leaves is found", () => {
    expect(judgeErased([["f", "f", "f", "f"]]).offences).toEqual([]);
    expect(judgeErased([["t", "f", "f", "t"]]).offences).toHaveLength(2);
    expect(judgeErased([]).offences).toHaveLength(4);
    expect(trialOf("X $1 $2")).toContain("X sha256('audit-erasure') 'audit-erasure';");
  });
});

describe("the trail", () => {
  it("lacks what has no record", () => {
    const line = (kind: string, mark = "m") =>
      `2026 [1] postgres@db ${mark} LOG:  AUDIT: ${kind === "READ" ? "OBJECT" : "SESSION"},1,1,${kind},X`;
    const whole = ["DDL", "ROLE", "READ"].map((kind) => line(kind));
    expect(judgeTrail(whole.join("\n"), "m").offences).toEqual([]);
    expect(judgeTrail(whole.slice(1).join("\n"), "m").offences).toHaveLength(1);
    expect(judgeTrail(whole.join("\n"), "other").offences).toHaveLength(3);
  });

  it("without a bound is found", () => {
    const logging = (Config: Record<string, string>) =>
      [{ Name: "/x", HostConfig: { LogConfig: { Type: "json-file", Config } } }] as unknown as Container[];
    expect(judgeRetention(logging({ "max-size": "10m", "max-file": "3" })).offences).toEqual([]);
    expect(judgeRetention(logging({})).offences).toHaveLength(1);
  });
});

describe("benchmarks", () => {
  const good = {
    Config: { Labels: { "io.dujyo.member": "x" } },
    State: { Health: { Status: "healthy" } },
    Mounts: [],
    HostConfig: {
      ...{
        CapDrop: ["ALL"],
        Privileged: false,
        PortBindings: {},
        NetworkMode: "dujyo",
        Memory: 1,
        NanoCpus: 1,
      },
      ...{
        ReadonlyRootfs: true,
        RestartPolicy: { Name: "on-failure" },
        SecurityOpt: ["no-new-privileges:true"],
        PidsLimit: 9,
      },
    },
    NetworkSettings: { Networks: { dujyo: {} }, Ports: {} },
  };
  const bad = {
    ...good,
    State: {},
    Mounts: [
      { Type: "bind", Source: "/var/run/docker.sock", Propagation: "shared" },
      { Type: "bind", Source: "/etc" },
    ],
    HostConfig: {
      ...{
        CapAdd: ["SYS_ADMIN"],
        Privileged: true,
        PortBindings: { "1/tcp": [{ HostPort: "80" }] },
        NetworkMode: "host",
      },
      ...{
        RestartPolicy: { Name: "always" },
        PidMode: "host",
        IpcMode: "host",
        UTSMode: "host",
        UsernsMode: "host",
      },
      ...{ Devices: ["/dev/sda"], SecurityOpt: ["seccomp=unconfined"], CgroupParent: "/x" },
    },
    NetworkSettings: { Networks: { bridge: {} }, Ports: { "1/tcp": [{ HostIp: "0.0.0.0" }] } },
  };

  it.each(ITEMS)("see a container that breaks $section, $title", (item) => {
    expect(judgeItem(item, [good as unknown as Container]).offences).toEqual([]);
    expect(judgeItem(item, [bad as unknown as Container]).offences).toHaveLength(1);
  });

  it("see an engine of a swarm", () => {
    expect(judgeSwarm({ Swarm: { LocalNodeState: "inactive" } }).offences).toEqual([]);
    expect(judgeSwarm({ Swarm: { LocalNodeState: "active" } }).offences).toHaveLength(1);
  });

  it.each(MODULES)("see what the kernel's module does not confine, $module", (item) => {
    const engine = { SecurityOptions: ["name=seccomp,profile=default", `name=${item.module}`] };
    const confined = { ...good, AppArmorProfile: "docker-default", ProcessLabel: "container_t" };
    const free = { ...good, AppArmorProfile: "unconfined", ProcessLabel: "" };
    const offences = (container: object) =>
      judgeModule(item, engine, [container as unknown as Container]).offences;
    expect(offences(confined)).toEqual([]);
    expect(offences(free)).toHaveLength(1);
    expect(() => judgeModule(item, { SecurityOptions: ["name=seccomp"] }, [])).toThrow(CanNotAsk);
  });

  it("see a server of SSH in a container", () => {
    expect(judgePrograms([["api-0", "node"]]).offences).toEqual([]);
    expect(judgePrograms([["api-0", "sshd"]]).offences).toEqual(["api-0 serves SSH"]);
    expect(judgePrograms([]).asked).toBe(0);
  });

  it("see a server that stays away when the machine starts", () => {
    const member = (Name: string) =>
      [
        {
          Config: { Labels: { "io.dujyo.member": "postgres-0" } },
          HostConfig: { RestartPolicy: { Name } },
        },
      ] as unknown as Container[];
    expect(judgeRestarts(member("unless-stopped")).offences).toEqual([]);
    expect(judgeRestarts(member("no")).offences).toHaveLength(1);
    expect(judgeRestarts([]).asked).toBe(0);
  });

  it("take each row for a fault, and number each item once", () => {
    expect(judgeRows([]).offences).toEqual([]);
    expect(judgeRows([["log_connections is off"]]).offences).toEqual(["log_connections is off"]);
    const sections = [...SQL_ITEMS, ...SHELL_ITEMS].map(({ section }) => section);
    expect(new Set(sections).size).toBe(sections.length);
  });

  it("read rows as psql writes them", () => {
    expect(parseCsv('a,"b, ""c""",\nd\n')).toEqual([["a", 'b, "c"', ""], ["d"]]);
  });
});
