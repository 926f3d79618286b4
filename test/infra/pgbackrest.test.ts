import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import {
  archiveParameters,
  hostsConfiguration,
  memberConfiguration,
  repositoryConfiguration,
} from "../../infra/components/backup/pgbackrest.ts";
import { parseSettings } from "../../infra/settings/parse.ts";

const resolved = (output: pulumi.Output<string>) =>
  new Promise<string>((resolve) => output.apply((value) => resolve(value)));

describe("pgBackRest's configuration", () => {
  const member = () => memberConfiguration().content as string;
  const repository = () =>
    repositoryConfiguration({
      members: ["postgres-0", "postgres-1"],
      passphrase: pulumi.secret("a-passphrase"),
      retentionFull: 2,
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
