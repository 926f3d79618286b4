import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mustRun } from "../../tools/process.ts";
import { objectsOf, removeStack } from "../support/running-stack.ts";
import { setSecrets, tryUp, UNCHANGED, up } from "../support/stack-commands.ts";
import { SMALL_STACK, writeSettings } from "../support/stack-settings.ts";
import { ObjectStore } from "./object-store.ts";
import {
  blocks,
  book,
  eventually,
  forgetLastBooking,
  LAG,
  listing,
  now,
  ops,
  type Restored,
  restorable,
  smallSettings,
  startSmallStack,
} from "./small-stack.ts";

/** The repository's host is lost with its disk: what is left of the backups, and how it comes back. */

let store: ObjectStore | undefined;

beforeAll(startSmallStack);
afterAll(async () => {
  // It is in the stack's network.
  await store?.stop();
  await removeStack(SMALL_STACK);
});

const HOST = `dujyo-${SMALL_STACK}-backup-0`;

async function loseHost(): Promise<void> {
  await mustRun("docker", ["rm", "--force", HOST]);
  await mustRun("docker", ["volume", "rm", `${HOST}-data`]);
}

const labels = async () => (await listing()).backups.map(({ label }) => label);

/** Waits for the backup that a repository begins with, and gives its label. */
async function firstBackup(): Promise<string> {
  await eventually("a full backup", 60, async () => (await listing()).backups[0]?.type === "full");
  const [first] = (await listing()).backups;
  console.log(`the full backup took ${first?.seconds} s`);
  return first?.label ?? "";
}

describe("a repository on the host's volume", () => {
  it("is lost with it, and the next up begins another one with a full backup by itself", async () => {
    const former = await firstBackup();
    const height = await book();
    await loseHost();
    await up(SMALL_STACK);
    expect(await firstBackup()).not.toBe(former);
    await restorable(height);
    expect(await up(SMALL_STACK)).toMatch(UNCHANGED);
  });
});

describe("a repository in a bucket", () => {
  it("begins with a full backup by itself, all of it in cipher", async () => {
    const former = await labels();
    store = await ObjectStore.start(SMALL_STACK);
    await setSecrets("backupSecrets", store.secrets, SMALL_STACK);
    writeSettings(smallSettings({ s3: store.settings }), SMALL_STACK);
    await up(SMALL_STACK);
    expect(former).not.toContain(await firstBackup());
    const { asked, clear } = await store.inClear();
    expect(clear).toEqual([]);
    expect(asked).toBeGreaterThan(4);
    expect(await up(SMALL_STACK)).toMatch(UNCHANGED);
  });

  it("outlives its host: another one finds the backups, and goes back in place to a moment before", {
    timeout: 600_000,
  }, async () => {
    const kept = await book();
    const hashes = await blocks(kept);
    const moment = await now();
    await book();
    const toMoment = ["restore", "--to-time", moment, "--in-place"];
    await eventually("the moment can be restored", LAG, async () => {
      return (await ops(...toMoment, "--dry-run")).code === 0;
    });
    const known = await labels();
    await loseHost();
    await up(SMALL_STACK);
    expect(await labels()).toEqual(expect.arrayContaining(known));
    // It does not know of any trial, and runs one at once; another one has to wait.
    await eventually("a trial of its own", LAG, async () => (await listing()).proved !== undefined);
    const { code, data } = await ops<Restored>(...toMoment, "--confirm", SMALL_STACK);
    console.log(`restored in place from the bucket: ${JSON.stringify(data)}`);
    expect(code).toBe(0);
    expect(await blocks(kept)).toEqual(hashes);
    forgetLastBooking();
    const height = await book();
    expect((await ops("status")).code).toBe(0);
    await restorable(height);
    expect(await up(SMALL_STACK)).toMatch(UNCHANGED);
  });

  it("outlives every disk of the stack, as long as its state is kept", { timeout: 1_000_000 }, async () => {
    const kept = await book();
    const hashes = await blocks(kept);
    await restorable(kept);
    const { containers, volumes } = await objectsOf(SMALL_STACK);
    await mustRun("docker", ["rm", "--force", "--volumes", ...containers]);
    await mustRun("docker", ["volume", "rm", ...volumes]);
    // The members are there anew and empty, and what is in the bucket is of another database.
    const { code: empty, stdout, stderr } = await tryUp(SMALL_STACK);
    expect(empty).toBe(1);
    expect(stdout + stderr).toContain("no WAL has arrived in the repository yet");
    const { code, data } = await ops<Restored>("restore", "--latest", "--in-place", "--confirm", SMALL_STACK);
    console.log(`restored to empty disks: ${JSON.stringify(data)}`);
    expect(code).toBe(0);
    expect(await blocks(kept)).toEqual(hashes);
    expect((await ops("status")).code).toBe(0);
    expect(await up(SMALL_STACK)).toMatch(UNCHANGED);
  });
});
