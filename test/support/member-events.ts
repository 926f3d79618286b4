import { spawn } from "node:child_process";
import { STACK } from "./stack-settings.ts";

/** Something that the engine did to a member's container. */
export interface MemberEvent {
  readonly member: string;
  readonly action: "start" | "die" | "destroy";
  /** Identity of the container. */
  readonly container: string;
}

/**
 * Notes what happens to the members of the test stack, in the engine's own order, while `work` goes on.
 *
 * Listens live, since the engine keeps the last 256 events only and health checks fill those within minutes.
 */
export async function memberEvents(work: () => Promise<unknown>): Promise<MemberEvent[]> {
  const actions = ["start", "die", "destroy"].flatMap((action) => ["--filter", `event=${action}`]);
  const columns = ['{{index .Actor.Attributes "io.dujyo.member"}}', "{{.Action}}", "{{.Actor.ID}}"].join(
    "\t",
  );
  const child = spawn("docker", [
    ...["events", "--filter", "type=container", ...actions],
    ...[
      "--filter",
      `label=io.dujyo.stack=${STACK}`,
      "--filter",
      "label=io.dujyo.member",
      "--format",
      columns,
    ],
  ]);
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  const closed = new Promise((resolve) => child.on("close", resolve));
  try {
    await work();
  } finally {
    child.kill();
    await closed;
  }
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [member, action, container] = line.split("\t") as [string, MemberEvent["action"], string];
      return { member, action, container };
    });
}

/** Members of `part` in the order in which they were replaced; a member that came back twice stands there twice. */
export function replaced(events: readonly MemberEvent[], part: string): string[] {
  return ofPart(events, part)
    .filter(({ action }) => action === "start")
    .map(({ member }) => member);
}

/** Most members of `part` that were down at one moment. */
export function mostDown(events: readonly MemberEvent[], part: string): number {
  const down = new Set<string>();
  let most = 0;
  for (const { member, action } of ofPart(events, part)) {
    if (action === "start") down.delete(member);
    else if (action === "die") down.add(member);
    most = Math.max(most, down.size);
  }
  return most;
}

/**
 * Most containers of one member that ran at one moment, of those that the events tell of; each member was running when
 * they began. More than one means two servers on one volume.
 */
export function mostAtOnce(events: readonly MemberEvent[], part: string): number {
  const own = ofPart(events, part);
  const running = new Map(own.map(({ member }) => [member, 1]));
  let most = 0;
  for (const { member, action } of own) {
    if (action === "destroy") continue;
    const now = (running.get(member) ?? 0) + (action === "start" ? 1 : -1);
    running.set(member, now);
    most = Math.max(most, now);
  }
  return most;
}

function ofPart(events: readonly MemberEvent[], part: string): MemberEvent[] {
  return events.filter(({ member }) => member.replace(/-\d+$/, "") === part);
}
