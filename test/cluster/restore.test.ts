import { afterAll, describe, expect, inject, it } from "vitest";
import type { Connection } from "../../ops/connection.ts";
import { readConnection } from "../../ops/connection-store.ts";
import type { Status } from "../../ops/stack-status.ts";
import { pulumiEnvironment } from "../../tools/stack/local-state.ts";
import { NAMESPACE, OTHER_NAMESPACE, OTHER_STACK, removeOther, STACK, upOther } from "./cluster-stack.ts";
import { kubectl, tell } from "./objects.ts";
import { ops } from "./ops.ts";
import { withOwner } from "./writer.ts";

const note = (text: string) =>
  withOwner(inject("clusterConnection"), async (client) => {
    const inserted = await client.query<{ at: Date }>(
      "INSERT INTO restore_notes VALUES ($1) RETURNING clock_timestamp() AS at",
      [text],
    );
    return inserted.rows[0]?.at as Date;
  });

const notes = (connection: Connection, namespace = NAMESPACE) =>
  withOwner(
    connection,
    async (client) => (await client.query<{ text: string }>("SELECT text FROM restore_notes")).rows,
    namespace,
  );

describe("a restore on a real cluster", () => {
  it("goes back in place to a moment before a write", { timeout: 900_000 }, async () => {
    await withOwner(inject("clusterConnection"), async (client) => {
      await client.query("DROP TABLE IF EXISTS restore_notes");
      await client.query("CREATE TABLE restore_notes (text text PRIMARY KEY)");
    });
    await ops(STACK, "backup");
    const kept = await note("kept");
    // PostgreSQL's clock and the target are both in microseconds; a second apart is far enough.
    const since = (moment: number) =>
      expect.poll(() => Date.now() - moment, { timeout: 5_000 }).toBeGreaterThan(1_000);
    await since(kept.getTime());
    const target = new Date().toISOString();
    await since(Date.parse(target));
    await note("undone");
    // With its end, the log is archived beyond the target.
    await ops(STACK, "backup");
    const restored = await ops<object>(
      STACK,
      ...["restore", "--to-time", target, "--in-place", "--confirm", STACK],
    );
    tell("restore in place", restored);
    expect(await notes(inject("clusterConnection"))).toEqual([{ text: "kept" }]);
    expect((await ops<Status>(STACK, "status")).problems).toEqual([]);
    await ops(STACK, "backup", "--type", "full");
  });
});

describe("a second stack in a namespace of its own", () => {
  afterAll(removeOther, 180_000);

  it("takes the restored database of the first, with passwords of its own", {
    timeout: 900_000,
  }, async () => {
    await upOther({ replicas: 1, synchronousReplicas: 1 }, "none");
    const restored = await ops<object>(STACK, "restore", "--latest", "--into", OTHER_STACK);
    tell("restore into another namespace", restored);
    const other = await readConnection(OTHER_STACK, pulumiEnvironment(OTHER_STACK));
    expect(other.postgresPasswords.owner).not.toBe(inject("clusterConnection").postgresPasswords.owner);
    expect(await notes(other, OTHER_NAMESPACE)).toEqual([{ text: "kept" }]);
    expect((await ops<Status>(OTHER_STACK, "status")).problems).toEqual([]);
    // The first one's is as it was.
    expect((await ops<Status>(STACK, "status")).problems).toEqual([]);
  });

  it("has its members' disks grow by its settings, while they run", { timeout: 600_000 }, async () => {
    const before = await members();
    const bytes = await diskBytes();
    const started = performance.now();
    await upOther({ replicas: 1, synchronousReplicas: 1, storage: "3 GB" }, "none");
    await expect.poll(capacity, { timeout: 30_000 }).toBe("3Gi");
    const grown = await diskBytes();
    tell("growth", { seconds: (performance.now() - started) / 1_000, from: bytes, to: grown });
    expect(grown - bytes).toBeGreaterThan(900 * 2 ** 20);
    expect(await members()).toEqual(before);
  });
});

const other = (args: readonly string[]) => kubectl(args, undefined, OTHER_NAMESPACE);

/** What a member's claim has, as its provisioner tells. */
const capacity = () =>
  other(["get", "persistentvolumeclaim", "data-postgres-0", "--output=jsonpath={.status.capacity.storage}"]);

/** Members, each with what tells a pod or a container that was replaced. */
async function members(): Promise<string[]> {
  const path =
    "{range .items[*]}{.metadata.name} {.metadata.uid} {.status.containerStatuses[*].restartCount}{'\\n'}{end}";
  const found = await other([
    ...["get", "pods", "--selector=app.kubernetes.io/component=postgres", `--output=jsonpath=${path}`],
  ]);
  return found.trim().split("\n");
}

/** Size of the file system that a member's data is on, as the member sees it. */
async function diskBytes(): Promise<number> {
  const command = ["df", "--output=size", "--block-size=1", "/var/lib/dujyo"];
  const answer = await other(["exec", "postgres-0", "--container=postgres", "--", ...command]);
  return Number(answer.trim().split("\n").at(-1));
}
