import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import {
  archiveParameters,
  hostsConfiguration,
  memberConfiguration,
  type RepositoryOptions,
  repositoryConfiguration,
  storeFiles,
} from "../../infra/components/backup/pgbackrest.ts";
import { parseSettings } from "../../infra/settings/parse.ts";

const resolved = (output: pulumi.Output<string>) =>
  new Promise<string>((resolve) => output.apply((value) => resolve(value)));

describe("pgBackRest's configuration", () => {
  const member = () => memberConfiguration().content as string;
  const repository = (more: Partial<RepositoryOptions> = {}) =>
    repositoryConfiguration({
      members: ["postgres-0", "postgres-1"],
      passphrase: pulumi.secret("a-passphrase"),
      retentionFull: 2,
      ...more,
    });

  it("names every member to the repository's host, and lets each of them and nobody else in", async () => {
    const text = await resolved(repository());
    expect(hostsConfiguration(["postgres-0", "postgres-1"]).match(/^pg\d-host=.*$/gm)).toEqual([
      "pg1-host=postgres-0",
      "pg2-host=postgres-1",
    ]);
    // A trial restore goes by this file alone: with a host in it, it would not be of this host.
    expect(text).not.toMatch(/^pg\d/m);
    expect(text.match(/^tls-server-auth=.*$/gm)).toEqual([
      "tls-server-auth=postgres-0=dujyo",
      "tls-server-auth=postgres-1=dujyo",
    ]);
  });

  it("encrypts the repository with a passphrase that stays a secret and that members never see", async () => {
    expect(await pulumi.isSecret(repository())).toBe(true);
    expect(await resolved(repository())).toContain("repo1-cipher-pass=a-passphrase\n");
    expect(member()).not.toContain("cipher-pass");
  });

  it("keeps the repository on the host's volume where no bucket is named", async () => {
    const text = await resolved(repository());
    expect(text).toContain("repo1-path=/var/lib/dujyo/repository\n");
    expect(text).not.toMatch(/s3|storage/);
  });

  it("keeps it in a bucket, whose keys and passphrase are in that one secret file", async () => {
    const { s3 } = parseSettings("dev", {
      backup: {
        enabled: true,
        s3: { endpoint: "https://objects.example:9000", bucket: "ledger", path: "/here", uriStyle: "path" },
      },
      backupSecrets: { key: "AKEY", keySecret: "0123456789abcdef" },
    }).backup;
    const bucket = { ...s3, key: "AKEY", keySecret: pulumi.secret("0123456789abcdef") };
    const text = await resolved(repository({ bucket }));
    expect(text.match(/^repo1-(?:type|path|s3|storage|cipher).*$/gm)).toEqual([
      "repo1-type=s3",
      "repo1-path=/here",
      "repo1-s3-endpoint=objects.example:9000",
      "repo1-s3-bucket=ledger",
      "repo1-s3-region=us-east-1",
      "repo1-s3-uri-style=path",
      "repo1-s3-key=AKEY",
      "repo1-s3-key-secret=0123456789abcdef",
      "repo1-cipher-type=aes-256-cbc",
      "repo1-cipher-pass=a-passphrase",
    ]);
    expect(await pulumi.isSecret(repository({ bucket }))).toBe(true);
    expect(storeFiles(s3)).toEqual([]);
    expect(member()).not.toMatch(/s3|AKEY/);
  });

  it("verifies the store by the root certificate that the settings bring", async () => {
    const { s3 } = parseSettings("dev", {}).backup;
    const own = { ...s3, endpoint: "https://objects.example", path: "/here", rootCertificate: "a root" };
    const [file] = storeFiles(own);
    const text = await resolved(repository({ bucket: { ...own, key: "AKEY", keySecret: "secret" } }));
    expect(text).toContain(`repo1-storage-ca-file=/etc/dujyo/${file?.path}\n`);
    expect(text).toContain("repo1-s3-endpoint=objects.example:443\n");
    expect(file?.content).toBe("a root");
  });

  it("lets the repository's host alone read a member's files", () => {
    expect(member().match(/^tls-server-auth=.*$/gm)).toEqual(["tls-server-auth=backup-0=dujyo"]);
  });

  it("archives nothing where no backups are taken, and says so with not a line", () => {
    const { backup } = parseSettings("dev", {});
    expect(archiveParameters(backup, 2 ** 30)).toBe("");
    expect(archiveParameters({ ...backup, enabled: true }, 2 ** 30)).toContain("archive_timeout: 30s\n");
  });

  it("bounds the WAL that waits for the repository by a fifth of the member's disk", () => {
    const { backup } = parseSettings("dev", { backup: { enabled: true } });
    expect(archiveParameters(backup, 10 * 2 ** 30)).toContain("--archive-push-queue-max=2048MiB ");
  });
});
