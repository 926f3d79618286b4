import { Client } from "pg";
import { describe, expect, inject, it } from "vitest";
import { bytes } from "../../infra/lib/units.ts";
import { RECOVERY_PROFILES } from "../../infra/settings/recovery.ts";
import { mustRun } from "../../tools/process.ts";
import { stackSettings } from "../../tools/stack/settings.ts";
import { sessionOptions, value, withSession } from "../support/clients.ts";
import { container, eventually, leader, patroniMembers, stopReplay, whole } from "../support/faults.ts";
import { STACK } from "../support/stack-settings.ts";

/** What HAProxy does about a member that lags or is frozen; roles that move are in the tests of faults. */

const { postgres } = stackSettings(STACK);

/** An open session, and the address of the member that it leads to. */
async function open(address: { host: string; port: number }) {
  const client = new Client(sessionOptions(address, "readonly"));
  const ended = new Promise((resolve) => client.once("end", resolve));
  client.on("error", () => undefined);
  await client.connect();
  const { rows } = await client.query<{ member: string }>("SELECT host(inet_server_addr()) AS member");
  return { client, ended, member: rows[0]?.member };
}

/** More than what other sessions may have put one replica ahead of the other by. */
const READERS = 16;

/** Addresses of the members that several readers at once are led to. */
async function readersAt(): Promise<Set<string | undefined>> {
  const sessions = await Promise.all(
    Array.from({ length: READERS }, () => open(inject("connection").reader)),
  );
  await Promise.all(sessions.map(({ client }) => client.end()));
  return new Set(sessions.map(({ member }) => member));
}

describe("the reader endpoint", () => {
  it("leaves a replica that lags beyond the bound, closing its sessions, until it has caught up", async () => {
    await whole(3);
    const { reader, writer } = inject("connection");
    await eventually("both replicas serve", async () => (await readersAt()).size === 2);
    const primary = await leader();
    const lagging = (await patroniMembers()).find(({ name }) => name !== primary)?.name as string;
    const format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
    const address = (await mustRun("docker", ["inspect", "--format", format, container(lagging)])).trim();
    const sessions = await Promise.all(Array.from({ length: READERS }, () => open(reader)));
    const closed = sessions.find(({ member }) => member === address)?.ended;
    expect(closed).toBeDefined();
    const goOn = await stopReplay(lagging);
    try {
      const megabytes = Math.ceil(bytes(postgres.maxReplicaLag) / 2 ** 20) + 8;
      await withSession(writer, "owner", async (client) => {
        for (let count = 0; count < megabytes; count += 1)
          await client.query("SELECT pg_logical_emit_message(true, 'lag', repeat(md5($1), 32768))", [
            String(count),
          ]);
      });
      await eventually(
        "the lagging replica is left",
        async () => {
          const serving = await readersAt();
          return serving.size === 1 && !serving.has(address);
        },
        30,
      );
      await closed;
    } finally {
      await goOn();
      await Promise.all(sessions.map(({ client }) => client.end().catch(() => undefined)));
    }
    await eventually("both replicas serve again", async () => (await readersAt()).size === 2, 60);
    expect(await value(reader, "readonly", "SELECT pg_is_in_recovery()")).toBe(true);
  });
});

describe("the writer endpoint", () => {
  it("closes the open sessions of a primary that is frozen, within its failed checks and 2 s", async () => {
    await whole(3);
    const primary = await leader();
    const { client, ended } = await open(inject("connection").writer);
    const { checkFall, checkInterval } = RECOVERY_PROFILES[postgres.recovery];
    await mustRun("docker", ["pause", container(primary)]);
    const frozen = performance.now();
    try {
      await ended;
      const seconds = (performance.now() - frozen) / 1_000;
      console.log(`sessions of a frozen primary closed after ${seconds.toFixed(1)} s`);
      expect(seconds).toBeLessThan((checkFall * checkInterval) / 1_000 + 2);
    } finally {
      await mustRun("docker", ["unpause", container(primary)]);
      await client.end().catch(() => undefined);
    }
    await whole(3);
  });
});
