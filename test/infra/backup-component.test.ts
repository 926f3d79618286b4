import { describe, expect, it } from "vitest";
import { connections } from "../../infra/connections.ts";
import { parseSettings } from "../../infra/settings/parse.ts";
import { ofType, plain, type Registered } from "../support/mocks.ts";
import { wholeProgram } from "../support/whole-program.ts";

/** The whole graph takes a second or two to record, and many times that on a busy machine. */
const RECORDING_MS = 60_000;
const PASSPHRASE = "password-of-backup-passphrase";

/** Names of the resources that hold this text, as it stands or as a Secret's data has it. */
function holding(registered: readonly Registered[], text: string): string[] {
  return registered
    .filter(({ inputs }) => {
      const given = plain(inputs) as { data?: Record<string, string> };
      const decoded = Object.values(given.data ?? {}).map((data) => Buffer.from(data, "base64").toString());
      return [JSON.stringify(given), ...decoded].some((part) => part.includes(text));
    })
    .map(({ name }) => name);
}

describe("a stack that takes backups", () => {
  const container = "docker:index/container:Container";
  interface Upload {
    readonly file: string;
    readonly content: string;
  }

  it(
    "has one host with a volume that alone knows the passphrase, and members that archive",
    async () => {
      const { registered } = await wholeProgram("light", { backup: { enabled: true } as never });
      const files = (name: string) =>
        plain(ofType(registered, container).get(`${name}-files`)?.uploads) as Upload[];
      const knowing = [...ofType(registered, container).keys()].filter((name) =>
        JSON.stringify(plain(ofType(registered, container).get(name))).includes(PASSPHRASE),
      );
      expect(knowing).toEqual(["backup-0-files"]);
      expect([...ofType(registered, "docker:index/volume:Volume").keys()]).toContain("backup-0-data");
      const paths = files("postgres-1").map(({ file }) => file);
      expect(paths).toContain("/etc/dujyo/pgbackrest.conf");
      const dynamic = files("postgres-settle").find(({ file }) => file.endsWith("/dynamic.yml"))?.content;
      expect(dynamic).toMatch(/archive_mode: 'on'\n[\s\S]*archive_command: .*archive-push/);
    },
    RECORDING_MS,
  );

  it(
    "differs from one that takes none in nothing else",
    async () => {
      const { registered } = await wholeProgram("light");
      const text = JSON.stringify(registered.map(({ inputs }) => plain(inputs)));
      expect(registered.filter(({ name }) => name.startsWith("backup"))).toEqual([]);
      expect(text).not.toContain("archive_mode");
      expect(text).not.toContain("pgbackrest.conf");
    },
    RECORDING_MS,
  );

  it(
    "keeps the repository on a volume of the size that the settings say, on a cluster too, by a pod that takes part in no election",
    async () => {
      const { registered } = await wholeProgram("ci", {
        backup: { enabled: true, storage: "7 GB" } as never,
      });
      const claim = ofType(registered, "kubernetes:core/v1:PersistentVolumeClaim").get("data-backup-0");
      expect(plain(claim)).toMatchObject({ spec: { resources: { requests: { storage: "7168Mi" } } } });
      const set = plain(ofType(registered, "kubernetes:apps/v1:StatefulSet").get("backup"));
      expect(set).toMatchObject({
        spec: {
          replicas: 1,
          template: { spec: { automountServiceAccountToken: false, containers: [{ name: "backup" }] } },
        },
      });
    },
    RECORDING_MS,
  );

  it.each([
    ["light", "backup-0-files"],
    ["ci", "backup-files"],
  ])(
    "keeps the keys of a bucket from everybody but that host, in %s",
    async (stack, files) => {
      const keySecret = "0123456789abcdefghij";
      const { registered } = await wholeProgram(
        stack,
        {
          backup: { enabled: true, s3: { endpoint: "https://objects.example", bucket: "ledger" } },
          backupSecrets: { key: "AKEY", keySecret },
        },
        ["dujyo:backupSecrets"],
      );
      expect(holding(registered, keySecret)).toEqual([files]);
      // A place of the stack's own, where no other is named.
      expect(holding(registered, `repo1-path=/dujyo-${stack}`)).toEqual([files]);
    },
    RECORDING_MS,
  );

  it("opens ways between members and repository, which others have not", () => {
    const between = (enabled: boolean) =>
      connections(parseSettings("dev", { backup: { enabled } }), "etcd")
        .filter(({ from, to }) => from === "backup" || to === "backup")
        .map(({ from, to, port }) => `${from} ${to} ${port}`);
    expect(between(true)).toEqual([
      "postgres backup 8432",
      "backup postgres 8432",
      "backup postgres 5432",
      "prometheus backup 9854",
    ]);
    expect(between(false)).toEqual([]);
  });

  it.each([
    [
      "beside an archive of one's own",
      { backup: { enabled: true }, postgres: { parameters: { archive_mode: "on" } } },
      /postgres\.parameters\.archive_mode is set by backup\.enabled/,
    ],
    [
      "with gaps that an alert would speak of",
      { backup: { enabled: true, schedule: { incremental: "2 d" } } },
      /to "1 d"/,
    ],
  ])("is refused %s", (_, given, message) => {
    expect(() => parseSettings("dev", given)).toThrow(message);
  });
});
