import type { Member } from "../inventory.ts";
import { partMembers, type RunningStack } from "../running-stack.ts";
import type { Injector } from "./injector.ts";

/** The stack at the moment before a fault: who has which role. */
export interface Scene {
  readonly stack: RunningStack;
  readonly injector: Injector;
  readonly primary: Member;
  /** Members of PostgreSQL but the primary, the least lagging quorum standby first. */
  readonly replicas: readonly Member[];
  readonly etcd: readonly Member[];
  readonly redis: readonly Member[];
  /** Name of a member that has a role of its part now: `etcd leader`, `shard primary`. */
  readonly withRole: (part: string, role: string) => Promise<Member[]>;
}

/** Looks at the stack. @throws Refusal where no member leads */
export async function setScene(stack: RunningStack, injector: Injector): Promise<Scene> {
  const view = await stack.patroni.ledView();
  const others = stack.patroni.names.filter((name) => name !== view.leader && !view.standbys.includes(name));
  return {
    stack,
    injector,
    primary: stack.patroni.member(view.leader),
    replicas: [...view.standbys, ...others].map((name) => stack.patroni.member(name)),
    etcd: stack.members.filter(({ part }) => part === "etcd"),
    redis: stack.members.filter(({ part }) => part === "redis"),
    withRole: async (part, role) => {
      const members = partMembers(stack, part);
      const roles = await Promise.all(
        members.map(async (member) => {
          const answer = await stack.platform.exec(member, ["/usr/local/bin/member-status"], 10_000);
          return (JSON.parse(answer.stdout) as { role?: string }).role;
        }),
      );
      return members.filter((_, index) => roles[index] === role);
    },
  };
}
