import type { RunningStack } from "../running-stack.ts";
import { formatTable } from "../table.ts";

/** How far a member is that might be promoted. */
export interface Candidate {
  readonly name: string;
  readonly role: string;
  readonly answers: boolean;
  readonly timeline: number | null;
  /** Last position of the log that it has, bytes from the beginning. */
  readonly position: number | null;
  /** Bytes of the log that the furthest known member has and this one lacks. */
  readonly behind_bytes: number | null;
}

export interface Candidates {
  /** The leader, if it is healthy. */
  readonly leader: string | null;
  /** The furthest first. */
  readonly candidates: readonly Candidate[];
}

interface MemberDocument {
  readonly role?: string;
  readonly timeline?: number;
  readonly xlog?: {
    readonly location?: number;
    readonly received_location?: number;
    readonly replayed_location?: number;
  };
}

/** Asks every member for its position; those that do not answer are listed, too. */
export async function candidates({ patroni }: RunningStack): Promise<Candidates> {
  const found = await Promise.all(
    patroni.names.map(async (name) => {
      const answer = await patroni.ask("GET", name, "/patroni").catch(() => undefined);
      return { name, document: answer ? (JSON.parse(answer.text) as MemberDocument) : undefined };
    }),
  );
  const members = found.map(({ name, document }) => ({
    name,
    role: document?.role ?? "unknown",
    answers: document?.xlog !== undefined,
    timeline: document?.timeline ?? null,
    position: positionOf(document),
  }));
  return rank(members);
}

/** Puts members in the order of their positions. */
export function rank(members: readonly Omit<Candidate, "behind_bytes">[]): Candidates {
  const furthest = Math.max(...members.map(({ position }) => position ?? 0));
  const leader = members.find(({ role, answers }) => answers && /^(primary|master|leader)$/.test(role));
  const others = members
    .filter((member) => member !== leader)
    .map((member) => ({
      ...member,
      behind_bytes: member.position === null ? null : furthest - member.position,
    }))
    .sort((one, other) => (other.position ?? -1) - (one.position ?? -1));
  return { leader: leader?.name ?? null, candidates: others };
}

function positionOf(document: MemberDocument | undefined): number | null {
  const { location, received_location, replayed_location } = document?.xlog ?? {};
  const known = [location, received_location, replayed_location].filter((value) => value !== undefined);
  return known.length === 0 ? null : Math.max(...known);
}

/** The table that a person decides by. */
export function formatCandidates({ leader, candidates }: Candidates): string {
  const rows = candidates.map(({ name, role, timeline, position, behind_bytes }) => [
    name,
    role,
    String(timeline ?? "-"),
    String(position ?? "does not answer"),
    behind_bytes === null ? "unknown" : behind_bytes === 0 ? "nothing" : `${behind_bytes} B of log`,
  ]);
  const table = formatTable(["candidate", "role", "timeline", "position", "would be lost"], rows);
  return `${leader ? `${leader} leads and is healthy.` : "No healthy leader."}\n\n${table}`;
}
