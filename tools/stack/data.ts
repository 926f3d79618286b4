import { Client, type ClientConfig } from "pg";
import { PORTS } from "../../infra/ports.ts";
import type { Settings } from "../../infra/settings/schema.ts";
import { type Connection, LOGINS } from "../../ops/connection.ts";
import { readConnection } from "../../ops/connection-store.ts";
import { loadData } from "../data/loader.ts";
import { refuseRealStack } from "../data/options.ts";
import { type KeyRing, keyRing } from "../data/personal-fields.ts";
import { showProgress } from "../data/progress.ts";
import { SIZES, type SizeName } from "../data/sizes.ts";
import { checkInvariants } from "../data/verify.ts";
import { Failure } from "../failure.ts";
import type { Progress, Step } from "../setup/progress.ts";
import { namespaceOf, reachCluster } from "./kubernetes-cluster.ts";
import type { Pulumi } from "./pulumi.ts";

/** Sizes that `npm run up` can be told. */
export type DataChoice = Settings["ledger"]["data"];

/** A primary that has not answered in this time is away; the routing needs less than a second to know. */
const CONNECT_MILLISECONDS = 10_000;

/** An invented ledger: the same options give the same one. */
export interface LedgerData {
  readonly size: SizeName;
  readonly seed: number;
  /** End of the history. */
  readonly until: Date;
  /** What the invented people's fields are encrypted with. */
  readonly keys: KeyRing;
}

/**
 * What goes into an empty ledger: what was asked for on the command line, else what the settings say.
 *
 * @throws Failure where this stack takes no invented data
 */
export function chooseData(stack: string, settings: Settings, asked?: DataChoice): DataChoice {
  const chosen = asked ?? settings.ledger.data;
  if (chosen === "none") return chosen;
  refuseRealStack(stack);
  return chosen;
}

/** Fills an empty ledger; one that has any transactions stays as it is, and so does a site that has another one's. */
export async function loadDataOnce(
  progress: Progress,
  pulumi: Pulumi,
  settings: Settings,
  choice: DataChoice,
): Promise<void> {
  if (choice === "none" || settings.postgres.standby) return;
  await progress.step(`data (${choice})`, (step) =>
    withOwner(pulumi, settings, async (session, connection) => {
      if (await hasTransactions(session)) return step.origin("cached");
      const keys = keyRing(connection.personalKeys);
      await fillLedger(step, session, { size: choice, seed: 1, until: new Date(), keys });
    }),
  );
}

/**
 * Hands out how the owner of the schema opens a session with the writer endpoint: on this machine, or through a forwarded port
 * where the stack is in a cluster.
 *
 * @throws Failure where the stack is not up, or its cluster does not answer
 */
export async function withOwner<T>(
  { stack, environment }: Pick<Pulumi, "stack" | "environment">,
  settings: Settings,
  work: (session: ClientConfig, connection: Connection) => Promise<T>,
): Promise<T> {
  const connection = await readConnection(stack, environment);
  if (settings.target === "docker") return work(ownerSession(connection), connection);
  const cluster = await reachCluster(settings);
  const forwarding = await cluster.forwardToPart(namespaceOf(stack, settings), "haproxy", PORTS.writer);
  try {
    const there = {
      ...ownerSession(connection),
      port: forwarding.port,
      ssl: { ca: connection.postgresCa, servername: "haproxy" },
    };
    return await work(there, connection);
  } finally {
    forwarding.close();
  }
}

/**
 * Loads an invented ledger through the stack's writer and checks it.
 *
 * @throws Failure where the database is not empty or is lost meanwhile, or where the loaded ledger breaks a rule
 */
export async function fillLedger(step: Step, session: ClientConfig, data: LedgerData): Promise<void> {
  try {
    await loadAndCheck(step, session, data);
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure(
      `Loading "${data.size}" failed: ${(error as Error).message}. See "npm run logs -- postgres".`,
    );
  }
}

async function loadAndCheck(
  step: Step,
  session: ClientConfig,
  { size, seed, until, keys }: LedgerData,
): Promise<void> {
  const progress = showProgress(step);
  step.note("while it is loaded the ledger is locked: the API answers reads from it with 503");
  await loadData({
    connection: session,
    size: SIZES[size],
    seed,
    until,
    keys,
    progress,
  });
  progress.task("invariants", 1);
  const invariants = await checkInvariants(session);
  progress.done();
  for (const { name, ok, detail } of invariants) step.note(`${ok ? "ok  " : "FAIL"} ${name} (${detail})`);
  const broken = invariants.filter(({ ok }) => !ok);
  if (broken.length > 0)
    throw new Failure(`The loaded ledger breaks its rules: ${broken.map(({ name }) => name).join(", ")}.`);
}

/** Of the schema, at the writer endpoint on this machine. */
export function ownerSession({ writer, database, postgresPasswords, postgresCa }: Connection): ClientConfig {
  return {
    host: "127.0.0.1",
    port: writer.port,
    database,
    user: LOGINS.owner,
    password: postgresPasswords.owner,
    ssl: { ca: postgresCa },
    application_name: "dujyo-data",
  };
}

/**
 * Whether the ledger has any transaction.
 *
 * @throws Failure where the writer does not answer, as in the middle of a failover, or has no ledger
 */
export async function hasTransactions(session: ClientConfig): Promise<boolean> {
  const client = new Client({
    ...session,
    connectionTimeoutMillis: CONNECT_MILLISECONDS,
    query_timeout: CONNECT_MILLISECONDS,
  });
  // The end of a session that a failover closes is told by the query that fails.
  client.on("error", () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ filled: boolean }>(
      "SELECT EXISTS (SELECT FROM transactions) AS filled",
    );
    return rows[0]?.filled === true;
  } catch (error) {
    throw new Failure(
      `The ledger could not be asked whether it has data: the writer on ${session.host}:${session.port} answered ` +
        `"${error instanceof Error ? error.message : error}". Another member may be becoming the primary: see "npm run status", ` +
        'and repeat "npm run up" when one leads; what is done already is kept.',
    );
  } finally {
    await client.end().catch(() => undefined);
  }
}
