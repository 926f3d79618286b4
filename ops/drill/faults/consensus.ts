import type { Member } from "../../inventory.ts";
import type { Fault } from "../fault.ts";
import type { Injector } from "../injector.ts";
import { READS } from "./postgres.ts";

async function killAll(injector: Injector, members: readonly Member[]): Promise<() => Promise<void>> {
  await Promise.all(members.map((member) => injector.kill(member)));
  return async () => {
    await Promise.all(members.map((member) => injector.start(member)));
  };
}

const onDocker = async (count: number, least: number) =>
  count < least ? `needs ${least} members of etcd, this stack has ${count}` : undefined;

/** The store that Patroni elects through. */
export const CONSENSUS_FAULTS: readonly Fault[] = [
  {
    name: "etcd-leader-killed",
    title: "leader of etcd killed and kept away",
    hits: "etcd",
    hold: 10,
    goal: { keepsPrimary: true, ...READS },
    obstacle: ({ etcd }) => onDocker(etcd.length, 3),
    inject: async ({ injector, withRole }) => killAll(injector, await withRole("etcd", "etcd leader")),
  },
  {
    name: "etcd-majority-lost",
    title: "two of three members of etcd killed and kept away",
    hits: "etcd",
    hold: 30,
    goal: { keepsPrimary: true, ...READS },
    obstacle: ({ etcd }) => onDocker(etcd.length, 3),
    inject: ({ injector, etcd }) => killAll(injector, etcd.slice(0, 2)),
  },
  {
    name: "etcd-lost",
    title: "all members of etcd killed and kept away",
    hits: "etcd",
    hold: 30,
    goal: { keepsPrimary: true, writeOutage: 5, ...READS },
    obstacle: ({ etcd }) => onDocker(etcd.length, 1),
    inject: ({ injector, etcd }) => killAll(injector, etcd),
  },
];
