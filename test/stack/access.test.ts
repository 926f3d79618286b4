import { Client } from "pg";
import { expect, inject, it } from "vitest";
import { servesStrangers } from "../../ops/audit/checks/addresses.ts";
import { askFromContainer, programImage } from "../../ops/audit/foreign-container.ts";
import { withForeignNetwork } from "../../ops/audit/foreign-network.ts";
import { listeners } from "../../ops/audit/listeners.ts";
import { openScene } from "../../ops/audit/scene.ts";
import { mustRun } from "../../tools/process.ts";
import { sessionOptions } from "../support/clients.ts";
import { container } from "../support/faults.ts";
import { STACK } from "../support/stack-settings.ts";

/** Whoever no setting admits is the audit's own question, see audit.test.ts. */

it("serves the networks of access.allowedCidrs at its data ports, and not at the API's, which is plain HTTP", async () => {
  const places = listeners(await openScene(STACK));
  const { offences } = await withForeignNetwork("198.51.100.0", (ask) => servesStrangers(places, ask));
  const served = offences.map((offence) => offence.split(" ")[0]);
  expect(served).toEqual(
    expect.arrayContaining([
      ...["haproxy:5000", "haproxy:5001", "pgbouncer:6432"],
      ...["postgres-0:5432", "postgres-1:5432", "postgres-2:5432"],
    ]),
  );
  expect(served).not.toContain("gateway:8083");
});

it("serves a container of its own network, which is how the question to one of another would fail", async () => {
  const { containers } = await openScene(STACK);
  const ask = askFromContainer(programImage(containers), `dujyo-${STACK}`);
  const { offences } = await servesStrangers(listeners({ containers }), ask);
  expect(offences.map((offence) => offence.split(" ")[0])).toEqual(
    expect.arrayContaining([
      "haproxy:5000",
      "pgbouncer:6432",
      "postgres-0:5432",
      "redis-0:6379",
      "prometheus-0:9090",
    ]),
  );
});

it("answers admin routes to the machine itself, and to no member, however the path is written", async () => {
  const { api } = inject("connection");
  expect((await fetch(`http://127.0.0.1:${api.port}/admin/performance`)).status).toBe(200);
  const script = `Promise.all(process.argv.slice(1).map((path) => fetch("http://gateway:8083" + path).then(({ status }) => status)))
    .then((statuses) => console.log(statuses.join(" ")))`;
  const paths = ["/admin/performance", "/%61dmin/performance", "/%61%64min/cache/stats?x", "/health"];
  const statuses = await mustRun("docker", ["exec", container("api-0"), "node", "-e", script, ...paths]);
  expect(statuses.trim()).toBe("403 403 403 200");
});

it("takes nobody who comes from the machine's loopback for a replica", async () => {
  const [member] = inject("connection").postgres;
  const client = new Client({
    ...sessionOptions(member ?? { host: "", port: 0 }, "app"),
    ...{ user: "dujyo_repl", replication: "true" },
  } as ConstructorParameters<typeof Client>[0]);
  client.on("error", () => undefined);
  await expect(client.connect()).rejects.toThrow(/pg_hba.conf rejects replication connection/);
});
