import { type ChildProcess, type StdioOptions, spawn } from "node:child_process";
import type { Writable } from "node:stream";
import { readOutcome, repositoryHost, runOnRepository } from "../backup/repository.ts";
import { sessionOptions, withSession } from "../postgres/session.ts";
import { Refusal } from "../refusal.ts";
import type { RunningStack } from "../running-stack.ts";
import type { CommandLine } from "./ground.ts";
import { openGround } from "./open-ground.ts";
import type { Target } from "./target.ts";
import type { Found } from "./trial.ts";

/** Where brought data lies beside a member's own; goes with the order. */
const BROUGHT = "/var/lib/dujyo/brought";
/** A backup of everything takes its time; a day is beyond any ledger. */
const BACKUP_SECONDS = 86_400;
const UPGRADE_MILLISECONDS = 60_000;

/** @throws Refusal where the stack has bookings of its own, which a restore would replace */
export async function refuseFilled(into: RunningStack): Promise<void> {
  const connection = await into.connection();
  const options = sessionOptions(connection, connection.writer, "readonly");
  const { rows } = await withSession(options, (session) =>
    session.query<{ filled: boolean }>("SELECT EXISTS (SELECT FROM balances) AS filled"),
  );
  if (rows[0]?.filled)
    throw new Refusal(
      `The stack "${into.name}" has accounts of its own. Restore into an empty one: "npm run down -- --stack ${into.name} --volumes", ` +
        `"npm run up -- --stack ${into.name} --data none", and repeat.`,
    );
}

/**
 * Restores in the repository's host of one stack, and brings the data to a member of another one.
 *
 * @param founder name of that member
 * @throws Refusal where another trial is under way; Failure with its last lines where the target can not be reached
 */
export async function bring(
  from: RunningStack,
  { options }: Target,
  into: RunningStack,
  founder: string,
): Promise<Found> {
  const take = `rm -rf ${BROUGHT} && mkdir -m 700 ${BROUGHT} && tar --extract --directory=${BROUGHT} && sync`;
  const [source, goal] = await Promise.all([openGround(from), openGround(into)]);
  const sends = source.inside(repositoryHost(from).name, ["restore-send", ...options]);
  const takes = await goal.onVolumes(founder, ["/bin/sh", "-c", take]);
  const sender = start(sends, ["ignore", "pipe", "pipe"]);
  const receiver = start(takes, ["pipe", "ignore", "pipe"]);
  // One that ends early says why itself.
  receiver.stdin?.on("error", () => sender.kill());
  sender.stdout?.pipe(receiver.stdin as Writable);
  const [sent, received] = await Promise.all([ended(sender), ended(receiver)]);
  const found = readOutcome<Found>("restore-send", { ...sent, stdout: sent.stderr, timedOut: false });
  readOutcome<void>("tar", { ...received, stdout: "null", timedOut: false });
  return found;
}

const start = ([program, args]: CommandLine, stdio: StdioOptions) => spawn(program, args, { stdio });

async function ended(child: ChildProcess): Promise<{ code: number; stderr: string }> {
  let stderr = "";
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
    stderr += chunk;
  });
  const code = await new Promise<number>((resolve, reject) => {
    child.on("error", reject).on("close", (exit) => resolve(exit ?? 1));
  });
  return { code, stderr };
}

/** Has the repository of a stack begin again with the database that was brought to it; nothing where it takes no backups. */
export async function adoptDatabase(into: RunningStack): Promise<void> {
  if (!into.settings.backup.enabled) return;
  const upgrade = ["sh", "-c", "pgbackrest --stanza=dujyo stanza-upgrade >&2 && echo null"];
  const result = await into.platform.exec(repositoryHost(into), upgrade, UPGRADE_MILLISECONDS);
  readOutcome<void>("pgbackrest stanza-upgrade", result);
  await runOnRepository(into, ["backup-take", "full"], BACKUP_SECONDS);
}
