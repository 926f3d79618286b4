import type { Settings } from "../infra/settings/schema.ts";
import { namespaceOf, reachCluster } from "../tools/stack/kubernetes-cluster.ts";
import { pulumiEnvironment } from "../tools/stack/local-state.ts";
import { stackSettings } from "../tools/stack/settings.ts";
import type { Connection } from "./connection.ts";
import { readConnection, readOutputs } from "./connection-store.ts";
import type { Member } from "./inventory.ts";
import { Forwarded } from "./kubernetes-connection.ts";
import { type MonitoringAddresses, monitoringAddresses } from "./monitoring/addresses.ts";
import { openPlatform } from "./open-platform.ts";
import type { Platform } from "./platform.ts";
import { Patroni } from "./postgres/patroni.ts";
import { Refusal } from "./refusal.ts";

/** A stack that is up, as day-2 commands see it. */
export interface RunningStack {
  readonly name: string;
  readonly settings: Settings;
  readonly platform: Platform;
  readonly patroni: Patroni;
  /** Members when the command began. */
  readonly members: readonly Member[];
  /**
   * What clients on this machine need; read from the stack's outputs at the first call, which takes a second or two.
   *
   * @throws Refusal where this user may not open sessions with the stack
   */
  readonly connection: () => Promise<Connection>;
  /**
   * Where the pages of the stack's own monitoring are on this machine.
   *
   * @throws Failure where this user may not see them
   */
  readonly monitoring: () => Promise<Pick<MonitoringAddresses, "prometheus" | "alertmanager">>;
  /** @throws Refusal listing the members there are */
  readonly member: (name: string) => Member;
}

/**
 * Opens a stack for a command.
 *
 * @throws Failure for an unknown stack, or a cluster that does not answer; Refusal where it is not up
 */
export async function openStack(name: string): Promise<RunningStack> {
  const settings = stackSettings(name);
  const platform = await openPlatform(name, settings);
  const members = await platform.members();
  if (!members.some(({ running }) => running))
    throw new Refusal(
      `The stack "${name}" is not up. Bring it up with "npm run up -- --stack ${name}" and repeat.`,
    );
  const { connection, monitoring } =
    settings.target === "kubernetes" ? throughCluster(name, settings) : onLoopback(name);
  return {
    name,
    settings,
    platform,
    members,
    patroni: new Patroni(
      platform,
      members.filter(({ part }) => part === "postgres"),
    ),
    connection: once(connection),
    monitoring: once(monitoring),
    member: (wanted) => {
      const found = members.find((member) => member.name === wanted);
      if (found) return found;
      const names = members.map((member) => member.name).join(", ");
      throw new Refusal(`There is no member "${wanted}" in the stack "${name}". There are: ${names}.`);
    },
  };
}

type Ways = Pick<RunningStack, "connection" | "monitoring">;

/** Docker publishes ports on the machine that it runs on. */
function onLoopback(name: string): Ways {
  return {
    connection: () => readConnection(name, pulumiEnvironment(name)),
    monitoring: async () => monitoringAddresses(name),
  };
}

/** A cluster publishes none: they are forwarded while the command runs. */
function throughCluster(name: string, settings: Settings): Ways {
  const forwarded = once(async () =>
    Forwarded.into(await reachCluster(settings), namespaceOf(name, settings)),
  );
  return {
    connection: async () => (await forwarded()).connection(await readOutputs(name, pulumiEnvironment(name))),
    monitoring: async () => (await forwarded()).monitoring(),
  };
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

/** The members of one part. @throws Refusal listing the parts there are */
export function partMembers({ name, members }: RunningStack, part: string): Member[] {
  const found = members.filter((member) => member.part === part);
  if (found.length > 0) return found;
  const parts = [...new Set(members.map((member) => member.part))].join(", ");
  throw new Refusal(`There is no part "${part}" in the stack "${name}". There are: ${parts}.`);
}
