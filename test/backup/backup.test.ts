import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { readConnection } from "../../ops/connection-store.ts";
import { sessionOptions, withSession } from "../../ops/postgres/session.ts";
import { ROOT } from "../../tools/layout.ts";
import { run } from "../../tools/process.ts";
import { pulumiEnvironment } from "../../tools/stack/local-state.ts";
import { removeStack } from "../support/running-stack.ts";
import { UNCHANGED, up } from "../support/stack-commands.ts";
import { SMALL_STACK, writeSettings } from "../support/stack-settings.ts";
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

/** Backups on a small stack of their own: taken, across a change of leader, and proved by restoring them. */

beforeAll(startSmallStack);
afterAll(() => removeStack(SMALL_STACK));

/** A stack that is restored into; as small as the other one. */
const COPY_STACK = "small-copy";
const COPY_SETTINGS = {
  ...smallSettings(),
  portOffset: 13_500,
  docker: { subnet: "172.30.21.0/24" },
  // Its name may not have any: whoever brings it up says so each time, and a restore does.
  ledger: { data: "dev" },
};

it("takes a full backup by itself, and a repeated up changes nothing", async () => {
  await eventually("the first backup", 60, async () => (await listing()).backups[0]?.type === "full");
  expect(await up(SMALL_STACK)).toMatch(UNCHANGED);
});

it("restores what was written before and after a change of leader, within a minute of the write", async () => {
  await book();
  expect((await ops("backup", "--type", "incr")).code).toBe(0);
  expect((await ops("switchover")).code).toBe(0);
  const height = await book();
  const seconds = await restorable(height);
  console.log(`a block could be restored ${seconds.toFixed(1)} s after it was sealed`);
});

it("takes a backup of the new timeline by itself", async () => {
  await eventually("a backup of timeline 2", 60, async () =>
    (await listing()).backups.some(({ timeline }) => timeline >= 2),
  );
});

it("touches nothing for a moment that it can not reach, or without a word on whose data goes", async () => {
  const target = ["--to-time", new Date().toISOString(), "--in-place"];
  const unconfirmed = await ops<{ refused?: string }>("restore", ...target);
  expect(unconfirmed.code).toBe(3);
  expect(unconfirmed.data.refused).toMatch(/--confirm small/);
  const early = ["--to-time", "2000-01-01T00:00:00Z", "--in-place", "--confirm", SMALL_STACK];
  const unreachable = await ops<{ failed?: string }>("restore", ...early);
  expect(unreachable.code).toBe(1);
  expect(unreachable.data.failed).toMatch(/unable to find backup set/);
  expect((await ops("status")).code).toBe(0);
});

it("goes back in place to a moment before a write, as a whole cluster with the same blocks", {
  timeout: 600_000,
}, async () => {
  const kept = await book();
  const hashes = await blocks(kept);
  const moment = await now();
  const gone = await book();
  await eventually("the moment can be restored", LAG, async () => {
    const { code } = await ops("restore", "--to-time", moment, "--in-place", "--dry-run");
    return code === 0;
  });
  const { code, data } = await ops<Restored>(
    ...["restore", "--to-time", moment, "--in-place", "--confirm", SMALL_STACK],
  );
  console.log(`restored in place: ${JSON.stringify(data)}`);
  expect(code).toBe(0);
  expect(await blocks(kept)).toEqual(hashes);
  // The nonce is free again: the booking after that moment is gone.
  forgetLastBooking();
  expect(await book()).toBeLessThanOrEqual(gone);
  expect((await ops("status")).code).toBe(0);
  expect(await up(SMALL_STACK)).toMatch(UNCHANGED);
  // The replica was copied, and may lead; what is archived from here on leads on.
  expect((await ops("switchover")).code).toBe(0);
  const height = await book();
  await restorable(height);
});

it("fills another stack, which then takes backups of its own, and refuses to do it twice", {
  timeout: 600_000,
}, async () => {
  await removeStack(COPY_STACK);
  writeSettings(COPY_SETTINGS, COPY_STACK);
  try {
    await up(COPY_STACK, "--data", "none");
    const into = ["restore", "--latest", "--into", COPY_STACK];
    const { code, data } = await ops<Restored>(...into);
    console.log(`restored into another stack: ${JSON.stringify(data)}`);
    expect(code).toBe(0);
    const copy = await readConnection(COPY_STACK, pulumiEnvironment(COPY_STACK));
    const { rows } = await withSession(sessionOptions(copy, copy.writer, "app"), (session) =>
      session.query<{ hash: Buffer }>("SELECT hash FROM blocks WHERE height <= $1 ORDER BY height", [
        data.height,
      ]),
    );
    expect(rows.map(({ hash }) => hash.toString("hex"))).toEqual(await blocks(data.height));
    // Its replica streams, and the backup that was taken there can be restored.
    const asCopy = (...args: string[]) =>
      run(process.execPath, [join(ROOT, "ops/cli.ts"), ...args, "--stack", COPY_STACK], { cwd: ROOT });
    expect(await asCopy("status")).toMatchObject({ code: 0 });
    expect(await asCopy("restore-drill")).toMatchObject({ code: 0 });
    expect(await up(COPY_STACK, "--data", "none")).toMatch(UNCHANGED);
    expect((await ops(...into)).code).toBe(3);
  } finally {
    await removeStack(COPY_STACK);
  }
});

it("finds a ledger that is not what its hashes say", async () => {
  // No role of the service can: only the superuser gets past what protects the ledger.
  const tamper =
    "SET session_replication_role = replica; UPDATE blocks SET tx_root = sha256('another') WHERE height = 1; SELECT pg_switch_wal()";
  const members = ["postgres-0", "postgres-1"].map((member) =>
    run("docker", [
      ...["exec", `dujyo-${SMALL_STACK}-${member}`, "psql", "--host=/run/postgresql", "--username=postgres"],
      ...["--dbname=dujyo_blockchain", "--set=ON_ERROR_STOP=1", `--command=${tamper}`],
    ]),
  );
  // The replica is read-only.
  expect((await Promise.all(members)).filter(({ code }) => code === 0)).toHaveLength(1);
  await eventually("the trial fails", LAG, async () => {
    const { code, data } = await ops<{ failed?: string }>("restore-drill");
    return code === 1 && /blocks form one chain of true hashes/.test(data.failed ?? "");
  });
});
