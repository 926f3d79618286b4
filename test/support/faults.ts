import { mustRun, run } from "../../tools/process.ts";
import { STACK } from "./stack-settings.ts";

/** Physical name of a member's container. */
export function container(member: string): string {
  return `dujyo-${STACK}-${member}`;
}

/** Kills the container's first process from the host, so that the engine's restart policy acts as after a crash. */
export async function killMainProcess(member: string): Promise<void> {
  const pid = Number(await mustRun("docker", ["inspect", "--format", "{{.State.Pid}}", container(member)]));
  process.kill(pid, "SIGKILL");
}

/** Kills the postmaster inside a member and leaves Patroni alive. */
export async function killPostmaster(member: string): Promise<void> {
  await mustRun("docker", [
    ...["exec", container(member), "sh", "-c"],
    'kill -9 "$(head -n 1 /var/lib/dujyo/pgdata/postmaster.pid)"',
  ]);
}

/** What statements of the superuser print in a member, one after the other, each in a transaction of its own. */
function asSuperuser(member: string, ...statements: string[]): Promise<string> {
  const psql = ["psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"];
  return mustRun("docker", ["exec", "--interactive", container(member), ...psql, "--username=postgres"], {
    input: statements.map((statement) => `${statement};\n`).join(""),
  });
}

/** Segments that may be full before a checkpoint that was asked for has begun. */
const SPARE_SEGMENTS = 8;

/**
 * Has a primary end a checkpoint that began `segments` segments of its log ago or more, as it does after a burst of writes. The pages
 * of a small table are what it writes meanwhile, ten a second.
 */
export async function endLongCheckpoint(primary: string, segments: number): Promise<void> {
  await asSuperuser(
    primary,
    "CHECKPOINT",
    "CREATE TABLE written AS SELECT repeat('x', 800) FROM generate_series(1, 1500)",
  );
  const spread = asSuperuser(primary, "SELECT pg_backup_start('long', fast => false)");
  const segment = ["SELECT pg_logical_emit_message(false, 'next', 'segment')", "SELECT pg_switch_wal()"];
  await asSuperuser(primary, ...Array.from({ length: segments + SPARE_SEGMENTS }, () => segment).flat());
  await spread;
  const [behind] = (
    await asSuperuser(
      primary,
      "DROP TABLE written",
      "SELECT (checkpoint_lsn - redo_lsn) / setting::bigint FROM pg_control_checkpoint(), pg_settings WHERE name = 'wal_segment_size'",
    )
  ).split("\n");
  if (!(Number(behind) >= segments))
    throw new Error(`the checkpoint of ${primary} began ${behind} segments ago, wanted are ${segments}`);
}

/** Stops a replica's replay; the result lets it go on. Patroni takes back a pause that PostgreSQL was asked for. */
export async function stopReplay(member: string): Promise<() => Promise<void>> {
  const signal = (name: string) =>
    mustRun("docker", ["exec", container(member), "pkill", `-${name}`, "-f", "startup recovering"]);
  await signal("STOP");
  return async () => void (await signal("CONT"));
}

/**
 * Stops a replica and leaves it with a new copy of the leader that PostgreSQL has not begun with, which is how a start ends that is cut
 * off between the two; the result starts it.
 */
export async function cutOffAfterCopy(replica: string, primary: string): Promise<() => Promise<void>> {
  const name = container(replica);
  const source = `host=${primary} user=dujyo_repl passfile=/run/patroni.pgpass sslmode=verify-full sslrootcert=/etc/dujyo/tls/ca.crt`;
  await mustRun("docker", [
    ...["exec", name, "pg_basebackup", "--pgdata=/var/lib/dujyo/copy", `--dbname=${source}`],
    ...["--checkpoint=fast", "--wal-method=stream"],
  ]);
  await mustRun("docker", ["stop", name]);
  const image = (await mustRun("docker", ["inspect", "--format", "{{.Config.Image}}", name])).trim();
  await mustRun("docker", [
    ...[
      "run",
      "--rm",
      "--network=none",
      `--volumes-from=${name}`,
      "--workdir=/var/lib/dujyo",
      "--entrypoint=sh",
      image,
    ],
    ...["-c", "rm -rf pgdata && mv copy pgdata"],
  ]);
  return async () => void (await mustRun("docker", ["start", name]));
}

/** Takes a member off the network; the result puts it back under its name and its address, or another one. */
export async function disconnect(member: string): Promise<(address?: string) => Promise<void>> {
  const network = `dujyo-${STACK}`;
  const own = (
    await mustRun("docker", [
      ...["inspect", "--format", `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`],
      container(member),
    ])
  ).trim();
  await mustRun("docker", ["network", "disconnect", network, container(member)]);
  return async (address = own) => {
    await mustRun("docker", [
      ...["network", "connect", "--alias", member, "--alias", member.replace(/-\d+$/, ""), "--ip", address],
      ...[network, container(member)],
    ]);
  };
}

/** Whether PostgreSQL of a member takes sessions of another one. */
export async function reaches(from: string, member: string): Promise<boolean> {
  const ask = ["pg_isready", "--quiet", `--host=${member}`, "--port=5432", "--timeout=2"];
  return (await run("docker", ["exec", container(from), ...ask])).code === 0;
}

interface PatroniMember {
  readonly name: string;
  readonly role: string;
  readonly state: string;
}

/** What Patroni says of the cluster, asked of the first member that answers. */
export async function patroniMembers(): Promise<PatroniMember[]> {
  for (const ordinal of [0, 1, 2, 3]) {
    const answer = await run(
      "docker",
      [
        "exec",
        container(`postgres-${ordinal}`),
        "patronictl",
        "--config-file",
        "/etc/dujyo/patroni.yml",
        "list",
        "--format",
        "json",
      ],
      { timeout: 15_000 },
    );
    if (answer.code !== 0) continue;
    const rows = JSON.parse(answer.stdout) as Record<string, string>[];
    return rows.map((row) => ({ name: row.Member ?? "", role: row.Role ?? "", state: row.State ?? "" }));
  }
  throw new Error("no member of PostgreSQL answers");
}

/** Name of the member that leads. */
export async function leader(): Promise<string> {
  const found = (await patroniMembers()).find(({ role, state }) => role === "Leader" && state === "running");
  if (!found) throw new Error("no member leads");
  return found.name;
}

/** Waits until `condition` holds; throws with `what` at the deadline. Errors of the condition count as "not yet". */
export async function eventually(
  what: string,
  condition: () => Promise<boolean>,
  seconds = 90,
): Promise<void> {
  const deadline = Date.now() + seconds * 1_000;
  let last: unknown;
  while (Date.now() < deadline) {
    try {
      if (await condition()) return;
      last = undefined;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  throw new Error(`${what}: not within ${seconds} s${last ? ` (${last})` : ""}`);
}

/** A leader, everybody else streaming, and the quorum's standby in place. */
export async function whole(members: number): Promise<void> {
  await eventually("PostgreSQL whole", async () => {
    const all = await patroniMembers();
    const streaming = all.filter(({ state }) => state === "streaming");
    return (
      all.length === members &&
      all.some(({ role, state }) => role === "Leader" && state === "running") &&
      streaming.length === members - 1 &&
      streaming.some(({ role }) => role === "Quorum Standby")
    );
  });
}
