import { describe, expect, it } from "vitest";
import { readListing, type Told } from "../../ops/backup/listing.ts";
import { readOutcome, repositoryHost } from "../../ops/backup/repository.ts";
import { Refusal } from "../../ops/refusal.ts";
import { Failure } from "../../tools/failure.ts";

const backup = (label: string, stop: number, error = false) => ({
  ...{ label, type: "full", error, timestamp: { start: stop - 2, stop } },
  ...{ archive: { stop: "00000003000000000000000F" }, lsn: { stop: "0/F000320" } },
  info: { size: 33_248_377, repository: { delta: 447_400 } },
});

const told = (changes: Partial<Told> = {}, ...backups: ReturnType<typeof backup>[]): Told => ({
  info: [
    {
      name: "dujyo",
      backup: backups,
      archive: [{ min: "000000010000000000000001", max: "000000030000000000000011" }],
    },
  ],
  backup: {},
  drill: {},
  ...changes,
});

describe("the list of backups", () => {
  it("says what each is, and from when on a moment can be restored", () => {
    const listing = readListing(told({}, backup("a", 1_795_711_690), backup("b", 1_795_711_840)));
    expect(listing.backups.map(({ label, seconds, timeline }) => [label, seconds, timeline])).toEqual([
      ["a", 2, 3],
      ["b", 2, 3],
    ]);
    expect(listing.restorable_since).toBe("2026-11-26T16:48:10.000Z");
    expect(listing.archive?.last).toBe("000000030000000000000011");
  });

  it("relies on no backup with damaged pages", () => {
    const listing = readListing(told({}, backup("a", 1_795_711_690, true), backup("b", 1_795_711_840)));
    expect(listing.restorable_since).toBe("2026-11-26T16:50:40.000Z");
    expect(readListing(told({}, backup("a", 1, true))).restorable_since).toBeUndefined();
  });

  it("knows of a repository before its first backup", () => {
    expect(readListing({ info: [], backup: {}, drill: {} })).toEqual({ backups: [], failures: [] });
  });

  it("tells why the last run failed, and when a restore was proved before", () => {
    const { failures, proved } = readListing(
      told({ drill: { ok: false, at: 1_795_711_840, last_success: 1_795_711_690, error: "no room" } }),
    );
    expect(failures).toEqual(["the last trial restore failed at 2026-11-26T16:50:40.000Z: no room"]);
    expect(proved).toBe("2026-11-26T16:48:10.000Z");
  });
});

describe("the repository's host", () => {
  const stack = (enabled: boolean, ...members: { part: string; running: boolean; state: string }[]) =>
    ({ name: "dev", settings: { backup: { enabled } }, members }) as unknown as Parameters<
      typeof repositoryHost
    >[0];
  const host = { part: "backup", running: true, state: "running" };

  it("is the one that runs", () => {
    expect(repositoryHost(stack(true, host))).toBe(host);
  });

  it.each([
    ["without backups", stack(false), /backup\.enabled to true/],
    ["before it was brought up", stack(true), /not there.*npm run up/],
    ["while it is stopped", stack(true, { ...host, running: false, state: "exited" }), /is exited/],
  ])("is asked for in vain %s, with the way out", (_, given, message) => {
    expect(() => repositoryHost(given)).toThrow(Refusal);
    expect(() => repositoryHost(given)).toThrow(message);
  });
});

describe("a program of the repository's host", () => {
  const ended = (code: number, stdout: string, stderr = "") => ({ code, stdout, stderr, timedOut: false });

  it("ends with a line of JSON", () => {
    expect(readOutcome("backup-take", ended(0, 'log\n{"label":"a"}\n'))).toEqual({ label: "a" });
  });

  it("is refused while another run of it is under way", () => {
    expect(() => readOutcome("backup-take", ended(75, "", "another backup is under way\n"))).toThrow(Refusal);
  });

  it("fails with what it said", () => {
    expect(() => readOutcome("restore-drill", ended(1, '{"error":"no room"}\n', "ERROR\n"))).toThrow(Failure);
    expect(() => readOutcome("restore-drill", ended(1, '{"error":"no room"}\n'))).toThrow(/no room/);
  });
});
