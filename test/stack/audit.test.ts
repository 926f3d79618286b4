import { beforeAll, expect, inject, it } from "vitest";
import { runChecks } from "../../ops/audit/check.ts";
import { askNetwork, sendCanaries, sendInClear } from "../../ops/audit/checks/canaries.ts";
import { CHECKS } from "../../ops/audit/checks/index.ts";
import { exceptionsFor } from "../../ops/audit/exceptions.ts";
import { openScene, type Scene } from "../../ops/audit/scene.ts";
import { stackSettings } from "../../tools/stack/settings.ts";
import { redisClient } from "../support/clients.ts";
import { STACK } from "../support/stack-settings.ts";

/** Layers of images and the history take a minute; the command itself looks at them. */
const SLOW = new Set(["secrets/images", "secrets/history"]);

let scene: Scene;
beforeAll(async () => {
  scene = await openScene(STACK);
  // The table of the clients in other tests, see LedgerWriter.
  await scene.sql("DROP TABLE IF EXISTS public.written");
});

async function failures(prefix = ""): Promise<string[]> {
  const checks = CHECKS.filter(({ id }) => id.startsWith(prefix) && !SLOW.has(id));
  const verdicts = await runChecks(checks, scene, exceptionsFor(stackSettings(STACK)));
  return verdicts
    .filter(({ outcome }) => outcome === "failed")
    .flatMap(({ id, offences }) => offences.map((offence) => `${id}: ${offence}`));
}

it("finds nothing wrong with the stack that no exception explains", async () => {
  expect(await failures()).toEqual([]);
});

it("finds a right too much", async () => {
  await scene.sql("GRANT UPDATE ON public.balances TO dujyo_readonly");
  try {
    expect(await failures("identities/tables")).toEqual([
      'identities/tables: dujyo_readonly has U on balances beyond "S"',
    ]);
  } finally {
    await scene.sql("REVOKE UPDATE ON public.balances FROM dujyo_readonly");
  }
});

it("finds a verifier too much that the pooler may look up", async () => {
  await scene.sql("GRANT EXECUTE ON FUNCTION pgbouncer.lookup(text) TO dujyo_app");
  await scene.sql("GRANT USAGE ON SCHEMA pgbouncer TO dujyo_app");
  try {
    expect(await failures("identities/pooler-lookups")).toEqual([
      "identities/pooler-lookups: the look-up is open to dujyo_app",
    ]);
  } finally {
    await scene.sql("REVOKE ALL ON SCHEMA pgbouncer FROM dujyo_app");
    await scene.sql("REVOKE ALL ON FUNCTION pgbouncer.lookup(text) FROM dujyo_app");
  }
});

it("finds a key that stays for ever", async () => {
  const cluster = redisClient(inject("connection"));
  try {
    await cluster.set("dujyo:for-ever", "1");
    expect(await failures("data/cache-expiry")).toEqual([
      "data/cache-expiry: dujyo:for-ever has no time to live",
    ]);
  } finally {
    await cluster.del("dujyo:for-ever");
    cluster.disconnect();
  }
});

it("finds a canary in clear on the network", async () => {
  const { offences } = await askNetwork(scene, async (canaries) => {
    await sendCanaries(scene, canaries);
    await sendInClear(scene, canaries.replication ?? "");
  });
  expect(offences).toEqual(
    expect.arrayContaining([expect.stringMatching(/^replication went in clear from /)]),
  );
  expect(offences.filter((offence) => !offence.startsWith("replication "))).toEqual([]);
});

it("finds what leaves no record", async () => {
  await scene.sql("REVOKE SELECT (email_index) ON public.users FROM dujyo_audited");
  try {
    expect(await failures("trail/postgres")).toEqual([
      "trail/postgres: a read of personal fields leaves no record",
    ]);
  } finally {
    await scene.sql("GRANT SELECT (email_index) ON public.users TO dujyo_audited");
  }
});
