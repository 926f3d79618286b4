import type { Expectation } from "./expected.ts";
import type { Inventory, Member } from "./inventory.ts";
import { formatTable } from "./table.ts";

/** One row of the status table. */
export interface MemberStatus {
  readonly member: string;
  readonly part: string;
  readonly role: string;
  readonly healthy: boolean;
  /** Distance behind what it follows, with its unit; null where it follows nothing. */
  readonly lag: string | null;
  readonly address: string | null;
  readonly detail: string | null;
}

export interface Status {
  /** Whether there is no problem at all. */
  readonly well: boolean;
  readonly members: readonly MemberStatus[];
  /** One sentence each. */
  readonly problems: readonly string[];
}

const ASK_MILLISECONDS = 10_000;

/** Asks every member for its status, all at once, and compares with what the settings ask for. */
export async function readStatus(inventory: Inventory, expected: Expectation): Promise<Status> {
  const found = await inventory.members();
  const members = await Promise.all(found.map((member) => ask(inventory, member)));
  const problems = problemsOf(members, expected);
  return { well: problems.length === 0, members, problems };
}

async function ask(inventory: Inventory, member: Member): Promise<MemberStatus> {
  if (!member.running) return answerOf(member, { detail: member.state });
  const result = await inventory.exec(member, ["/usr/local/bin/member-status"], ASK_MILLISECONDS);
  if (result.timedOut) return answerOf(member, { detail: `no answer within ${ASK_MILLISECONDS / 1000} s` });
  return answerOf(
    member,
    parseAnswer(result.stdout) ?? { detail: lastLine(result.stderr) || "answers nonsense" },
  );
}

type Answer = Partial<Pick<MemberStatus, "role" | "healthy" | "lag" | "detail">>;

function parseAnswer(text: string): Answer | undefined {
  try {
    return JSON.parse(text) as Answer;
  } catch {
    return undefined;
  }
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "";
}

function answerOf({ name, part, address }: Member, answer: Answer): MemberStatus {
  const { role = "unknown", healthy = false, lag = null, detail = null } = answer;
  return { member: name, part, role, healthy, lag, address: address ?? null, detail };
}

/** Everything that keeps the stack from being well. */
export function problemsOf(members: readonly MemberStatus[], expected: Expectation): string[] {
  const present = new Set(members.map(({ member }) => member));
  const missing = expected.members.filter((name) => !present.has(name));
  const instancesOf = (of: string) => members.filter(({ part }) => part === of).length;
  const few = Object.entries(expected.instances).filter(([part, least]) => instancesOf(part) < least);
  const sick = members.filter(({ healthy }) => !healthy);
  const count = (role: string) =>
    members.filter((member) => member.part === "postgres" && member.role === role).length;
  const leaders = count("leader") + count("standby leader");
  const standbys = count("quorum standby");
  return [
    ...missing.map((name) => `${name} is missing`),
    ...few.map(([part, least]) => `${part} has ${instancesOf(part)} of ${least} instances`),
    ...sick.map(({ member, detail }) => `${member} is not healthy${detail ? `: ${detail}` : ""}`),
    ...(leaders === 1 ? [] : [`PostgreSQL has ${leaders} leaders instead of 1`]),
    ...(standbys >= expected.quorumStandbys
      ? []
      : [`PostgreSQL has ${standbys} of the ${expected.quorumStandbys} quorum standbys that are demanded`]),
  ];
}

/** The table that `npm run status` prints, and the problems below it. */
export function formatStatus({ members, problems }: Status): string {
  const rows = members.map(({ member, role, healthy, lag, address, detail }) => [
    member,
    role,
    healthy ? "healthy" : "NOT HEALTHY",
    lag ?? "-",
    address ?? "-",
    detail ?? "",
  ]);
  const table = formatTable(["part", "role", "health", "lag", "address", "detail"], rows);
  return [table, ...(problems.length ? ["", ...problems] : ["", "All is well."])].join("\n");
}
