import type { Settings } from "../infra/settings/schema.ts";
import { pulumiEnvironment } from "../tools/stack/local-state.ts";
import { stackSettings } from "../tools/stack/settings.ts";
import type { Connection } from "./connection.ts";
import { readConnection } from "./connection-store.ts";
import type { Member } from "./inventory.ts";
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
  /** What clients need; read from the stack's outputs at the first call, which takes a second or two. */
  readonly connection: () => Promise<Connection>;
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
  let connection: Promise<Connection> | undefined;
  return {
    name,
    settings,
    platform,
    members,
    patroni: new Patroni(
      platform,
      members.filter(({ part }) => part === "postgres"),
    ),
    connection: () => {
      connection ??= loopbackConnection(name, settings);
      return connection;
    },
    member: (wanted) => {
      const found = members.find((member) => member.name === wanted);
      if (found) return found;
      const names = members.map((member) => member.name).join(", ");
      throw new Refusal(`There is no member "${wanted}" in the stack "${name}". There are: ${names}.`);
    },
  };
}

/** Sessions from this machine go to ports that a stack on Docker publishes here. */
async function loopbackConnection(name: string, { target }: Settings): Promise<Connection> {
  if (target === "kubernetes")
    throw new Refusal(
      `This command opens sessions from this machine, and the stack "${name}" publishes no ports: it runs on Kubernetes. ` +
        'status, logs, switchover, failover, reinit, pause, resume and restart work there; docs/kubernetes.md, "Day-2 commands", has the rest.',
    );
  return readConnection(name, pulumiEnvironment(name));
}

/** The members of one part. @throws Refusal listing the parts there are */
export function partMembers({ name, members }: RunningStack, part: string): Member[] {
  const found = members.filter((member) => member.part === part);
  if (found.length > 0) return found;
  const parts = [...new Set(members.map((member) => member.part))].join(", ");
  throw new Refusal(`There is no part "${part}" in the stack "${name}". There are: ${parts}.`);
}
