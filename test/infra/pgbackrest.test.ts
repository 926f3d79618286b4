import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { memberConfiguration, repositoryConfiguration } from "../../infra/components/backup/pgbackrest.ts";

const resolved = (output: pulumi.Output<string>) =>
  new Promise<string>((resolve) => output.apply((value) => resolve(value)));

describe("pgBackRest's configuration", () => {
  const repository = () =>
    repositoryConfiguration({
      members: ["postgres-0", "postgres-1"],
      passphrase: pulumi.secret("a-passphrase"),
      retentionFull: 2,
    });

  it("names every member to the repository's host, and lets each of them and nobody else in", async () => {
    const text = await resolved(repository());
    expect(text.match(/^pg\d-host=.*$/gm)).toEqual(["pg1-host=postgres-0", "pg2-host=postgres-1"]);
    expect(text.match(/^tls-server-auth=.*$/gm)).toEqual([
      "tls-server-auth=postgres-0=dujyo",
      "tls-server-auth=postgres-1=dujyo",
    ]);
  });

  it("encrypts the repository with a passphrase that stays a secret and that members never see", async () => {
    expect(await pulumi.isSecret(repository())).toBe(true);
    expect(await resolved(repository())).toContain("repo1-cipher-pass=a-passphrase\n");
    expect(memberConfiguration("backup", 2 ** 30)).not.toContain("cipher-pass");
  });

  it("lets the repository's host alone read a member's files", () => {
    expect(memberConfiguration("backup", 2 ** 30).match(/^tls-server-auth=.*$/gm)).toEqual([
      "tls-server-auth=backup=dujyo",
    ]);
  });

  it("bounds the WAL that waits for the repository by a fifth of the member's disk", () => {
    expect(memberConfiguration("backup", 10 * 2 ** 30)).toContain("archive-push-queue-max=2048MiB\n");
  });
});
