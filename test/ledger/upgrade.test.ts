import { createHash } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { Client } from "pg";
import type { StartedTestContainer } from "testcontainers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fingerprints } from "../../ops/upgrade/fingerprint.ts";
import { follow, hasWriters, progressOf } from "../../ops/upgrade/replication.ts";
import { DATABASE, Side } from "../../ops/upgrade/side.ts";
import { beginFollowing, changeSides, finish, prepare } from "../../ops/upgrade/steps.ts";
import { migrate } from "../../service/src/migrate/runner.ts";
import { startScratchPostgres } from "../support/scratch-postgres.ts";
import { brokenInvariants, sealAll, transfer } from "./booking-calls.ts";
import { MIGRATIONS, provision } from "./database.ts";

/** A server of its own in the place of a cluster. */
interface Cluster {
  readonly container: StartedTestContainer;
  readonly side: Side;
  session(user: string): Promise<Client>;
}

async function cluster(name: string): Promise<Cluster> {
  const container = await startScratchPostgres("-c wal_level=logical");
  const port = container.getMappedPort(5432);
  const session = async (user: string, database = DATABASE): Promise<Client> => {
    const client = new Client({ host: "127.0.0.1", port, user, database });
    client.on("error", () => undefined);
    await client.connect();
    return client;
  };
  await provision(session, DATABASE);
  const connection = { host: "127.0.0.1", port, user: "dujyo_user", database: DATABASE };
  const owner = await session("dujyo_user");
  await migrate(
    owner,
    {
      connection,
      directory: MIGRATIONS,
      postingsPartitions: 4,
      lockTimeoutSeconds: 30,
      connectTimeoutSeconds: 10,
    },
    () => undefined,
  );
  await owner.end();
  const inside = `docker exec --interactive --env PGHOST=/tmp ${container.getId()}`;
  const address = `host=${container.getIpAddress("bridge")} user=postgres dbname=${DATABASE}`;
  return { container, side: new Side(name, inside, address), session };
}

/** Books transfers until the server refuses it, and remembers those that were acknowledged. */
class Writer {
  readonly acknowledged: string[] = [];
  readonly #cluster: Cluster;
  readonly #payer: string;
  #running = true;
  #ended: Promise<void> = Promise.resolve();

  constructor(cluster: Cluster, payer: string) {
    this.#cluster = cluster;
    this.#payer = payer;
  }

  start(): this {
    this.#ended = this.#write();
    return this;
  }

  async stop(): Promise<void> {
    this.#running = false;
    await this.#ended;
  }

  async #write(): Promise<void> {
    const client = await this.#cluster.session("dujyo_app");
    const { rows } = await client.query(
      "SELECT last_nonce::int + 1 AS next FROM balances WHERE address = $1",
      [this.#payer],
    );
    try {
      for (let nonce: number = rows[0].next; this.#running; nonce += 1) {
        const key = `${this.#payer}-${nonce}`;
        const booked = await transfer(client, { from: this.#payer, to: "DU9", amount: 1, nonce, key });
        this.acknowledged.push(booked.tx_hash);
        if (nonce % 50 === 0) await client.query("SELECT seal_block()");
        await pause(2);
      }
    } catch {
      // The session was ended: writers are kept out.
    }
    await client.end().catch(() => undefined);
  }
}

const quiet = () => undefined;

describe("an upgrade with a way back", { timeout: 120_000 }, () => {
  let before: Cluster;
  let after: Cluster;
  const sides = () => ({ before: before.side, after: after.side, say: quiet });

  beforeAll(async () => {
    [before, after] = await Promise.all([cluster("the old cluster"), cluster("the new cluster")]);
    const owner = await before.session("dujyo_user");
    for (const payer of ["DU1", "DU2"]) await owner.query("SELECT genesis_allocate($1, 1000000)", [payer]);
    await owner.end();
  }, 120_000);
  afterAll(() => Promise.all([before, after].map((one) => one?.container.stop({ removeVolumes: true }))));

  /** Of these acknowledged transfers, those that the cluster does not know. */
  async function missing({ session }: Cluster, hashes: readonly string[]): Promise<string[]> {
    const client = await session("postgres");
    const { rows } = await client.query<{ hash: string }>(
      "SELECT hash FROM unnest($1::text[]) hash WHERE NOT EXISTS (SELECT FROM transaction_hashes WHERE tx_hash = decode(hash, 'hex'))",
      [hashes],
    );
    await client.end();
    return rows.map(({ hash }) => hash);
  }

  test("what can not be copied, and what would be lost, is refused by name before anything is changed", async () => {
    await before.side.run("CREATE UNLOGGED TABLE scratch (id int); CREATE TABLE keyless (id int)");
    await after.side.run("INSERT INTO balances (address, balance) VALUES ('DU7', 5)");
    await expect(prepare(sides())).rejects.toThrow(
      /scratch is unlogged[\s\S]*keyless has no primary key|keyless has no primary key[\s\S]*scratch is unlogged/,
    );
    await before.side.run("DROP TABLE scratch, keyless");
    await expect(prepare(sides())).rejects.toThrow(/the new cluster: balances has rows/);
    await expect(beginFollowing(sides())).rejects.toThrow(/is not prepared/);
    expect(await before.side.rows("SELECT FROM pg_publication")).toEqual([]);
    expect(await hasWriters(after.side)).toBe(true);
    await after.side.run("SET session_replication_role = replica; DELETE FROM balances");
  });

  test("schema, rows, sequences and rights are the same, and no acknowledged write is lost in either direction", async () => {
    const first = new Writer(before, "DU1").start();
    await prepare(sides());
    await expect(after.session("dujyo_app")).rejects.toThrow(/not permitted to log in/);
    await beginFollowing(sides());

    const { held = [], pausedMs } = await changeSides({ from: before.side, to: after.side, say: quiet });
    await first.stop();
    expect(first.acknowledged.length).toBeGreaterThan(100);
    expect(await missing(after, first.acknowledged)).toEqual([]);
    expect(held.find(({ table }) => table === "public.balances")).toMatchObject({ rows: "3" });
    expect(await schemaOf(after)).toBe(await schemaOf(before));
    await expect(before.session("dujyo_app")).rejects.toThrow(/not permitted to log in/);

    const second = new Writer(after, "DU2").start();
    await pause(1_000);
    const back = await changeSides({ from: after.side, to: before.side, say: quiet });
    await second.stop();
    expect(second.acknowledged.length).toBeGreaterThan(50);
    expect(await missing(before, [...first.acknowledged, ...second.acknowledged])).toEqual([]);
    console.log(`no writes for ${pausedMs} ms there and ${back.pausedMs} ms back`);

    const third = new Writer(before, "DU1").start();
    await pause(300);
    await third.stop();
    expect(third.acknowledged.length).toBeGreaterThan(10);
    await expect.poll(() => missing(after, third.acknowledged), { timeout: 10_000 }).toEqual([]);
    const client = await before.session("dujyo_user");
    await sealAll(client);
    expect(await brokenInvariants(client)).toEqual([]);
    await client.end();
  });

  test("a follower that has other rows does not take over, and the writers stay", async () => {
    await after.side.run(
      "SET session_replication_role = replica; UPDATE balances SET balance = balance + 1 WHERE address = 'DU9'",
    );
    await expect(changeSides({ from: before.side, to: after.side, say: quiet })).rejects.toThrow(
      /The sides were not changed[\s\S]*differ:\n {2}public\.balances: 3, -?\d+ against 3, -?\d+$/,
    );
    expect([await hasWriters(before.side), await hasWriters(after.side)]).toEqual([true, false]);
    await after.side.run(
      "SET session_replication_role = replica; UPDATE balances SET balance = balance - 1 WHERE address = 'DU9'",
    );
  });

  test("a run that was cut off with nobody writing is finished by the next one", async () => {
    // As it is after the old side was closed.
    await follow(before.side, after.side, { copy: false, enabled: false });
    await before.side.run("ALTER ROLE dujyo_app NOLOGIN; ALTER ROLE dujyo_user NOLOGIN");
    await changeSides({ from: before.side, to: after.side, say: quiet });
    expect([await hasWriters(before.side), await hasWriters(after.side)]).toEqual([false, true]);
    expect((await progressOf(before.side, after.side)).failures).toBe(0);
    await expect(prepare(sides())).rejects.toThrow(/balances has rows/);
  });

  test("nothing is left of it at the end, and the writers stay where they are", async () => {
    await finish(sides());
    for (const { side } of [before, after]) {
      expect(await side.rows("SELECT FROM pg_publication")).toEqual([]);
      expect(await side.rows("SELECT FROM pg_subscription")).toEqual([]);
      expect(await side.rows("SELECT FROM pg_replication_slots")).toEqual([]);
    }
    expect(await fingerprints(before.side)).toEqual(await fingerprints(after.side));
    expect(await hasWriters(after.side)).toBe(true);
  });
});

/** All definitions and rights of the database. */
async function schemaOf({ container }: Cluster): Promise<string> {
  const options = [
    "--schema-only",
    "--no-publications",
    "--no-subscriptions",
    "--username=postgres",
    "--host=/tmp",
  ];
  const { output, exitCode } = await container.exec(["pg_dump", ...options, DATABASE]);
  expect(exitCode).toBe(0);
  return createHash("sha256")
    .update(output.replace(/^\\(un)?restrict .*$/gm, ""))
    .digest("hex");
}
