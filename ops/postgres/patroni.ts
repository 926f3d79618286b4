import { Failure } from "../../tools/failure.ts";
import type { Inventory, Member } from "../inventory.ts";
import { Refusal } from "../refusal.ts";

/** A member of the cluster as Patroni sees it. */
export interface ClusterMember {
  readonly name: string;
  /** `leader`, `replica`, `quorum_standby`... */
  readonly role: string;
  /** `running`, `streaming`, `stopped`... */
  readonly state: string;
  readonly timeline: number | undefined;
  /** Bytes behind the leader, as of the last loop; undefined where Patroni does not know. */
  readonly lag: number | undefined;
}

/** One answer of Patroni on the whole cluster. */
export interface ClusterView {
  readonly members: readonly ClusterMember[];
  /** The member that leads and runs. */
  readonly leader: string | undefined;
  /** Members that may take over without losing an acknowledged write, the least lagging first. */
  readonly standbys: readonly string[];
  /** Whether automatic failover is paused. */
  readonly paused: boolean;
}

/** An answer of a member's Patroni. */
export interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Time beyond Patroni's own for starting a process in the member, milliseconds. */
const START_MILLISECONDS = 5_000;

/** Patroni's REST interface, spoken from inside the members, where its certificates are. */
export class Patroni {
  readonly #platform: Pick<Inventory, "exec">;
  readonly #members: readonly Member[];

  constructor(platform: Pick<Inventory, "exec">, members: readonly Member[]) {
    this.#platform = platform;
    this.#members = members;
  }

  get names(): string[] {
    return this.#members.map(({ name }) => name);
  }

  member(name: string): Member {
    const found = this.#members.find((member) => member.name === name);
    if (found) return found;
    throw new Refusal(`There is no PostgreSQL member "${name}". There are: ${this.names.join(", ")}.`);
  }

  /**
   * Asks a member, from inside itself or another one.
   *
   * @param options.seconds longest wait. @default 3
   * @param options.from member in which the question is asked. @default the member itself
   * @returns undefined where there is no answer
   */
  async ask(
    method: string,
    member: string,
    path: string,
    options: { readonly body?: unknown; readonly seconds?: number; readonly from?: string } = {},
  ): Promise<Answer | undefined> {
    const { body, seconds = 3, from = member } = options;
    const ask = ["/usr/local/bin/patroni-ask", method, member, path];
    const command = [
      ...["env", `PATRONI_ASK_SECONDS=${seconds}`, ...ask],
      ...(body === undefined ? [] : [JSON.stringify(body)]),
    ];
    const answer = await this.#platform.exec(
      this.member(from),
      command,
      seconds * 1_000 + START_MILLISECONDS,
    );
    if (answer.code !== 0) return undefined;
    const [status = "", ...lines] = answer.stdout.split("\n");
    return { status: Number(status), text: lines.join("\n").trim() };
  }

  /** Asks for something to be done. @throws Failure with what Patroni objects to */
  async mustDo(
    method: string,
    member: string,
    path: string,
    options: { readonly body?: unknown; readonly seconds?: number; readonly from?: string } = {},
  ): Promise<string> {
    const answer = await this.ask(method, member, path, options);
    if (!answer) throw new Failure(`${member} does not answer to ${method} ${path}.`);
    if (answer.status >= 300)
      throw new Failure(`${member} refuses ${method} ${path}: ${answer.text} (status ${answer.status}).`);
    return answer.text;
  }

  /** What the members say of the cluster; the first that knows a leader is believed. @throws Failure where none answers */
  async view(): Promise<ClusterView> {
    let leaderless: ClusterView | undefined;
    // One after the other: every question is a process in a member, and this is asked often while a cluster is busy enough.
    for (const name of this.names) {
      const answer = await this.ask("GET", name, "/cluster");
      const view = answer && parseView(answer.text);
      if (view?.leader !== undefined) return view;
      leaderless ??= view;
    }
    if (!leaderless) throw new Failure(`No member of PostgreSQL answers; see "npm run ops -- status".`);
    return leaderless;
  }

  /** The view, where some member leads. @throws Refusal where none does */
  async ledView(): Promise<ClusterView & { readonly leader: string }> {
    const view = await this.view();
    if (view.leader === undefined)
      throw new Refusal(
        'No member leads. See "npm run ops -- status"; "npm run ops -- failover" promotes one.',
      );
    return { ...view, leader: view.leader };
  }

  /**
   * Waits until the cluster has a leader, everybody else streams, and enough quorum standbys stand by.
   *
   * @throws Failure with what is missing at the deadline
   */
  async whole(standbys: number, seconds = 120): Promise<ClusterView> {
    const deadline = Date.now() + seconds * 1_000;
    for (;;) {
      const view = await this.view().catch(() => undefined);
      const missing = view ? missingFrom(view, this.names, standbys) : "no member answers";
      if (view && missing === undefined) return view;
      if (Date.now() > deadline) throw new Failure(`PostgreSQL is not whole after ${seconds} s: ${missing}.`);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
}

/** What keeps a cluster from being whole; undefined where nothing does. */
export function missingFrom(
  view: ClusterView,
  names: readonly string[],
  standbys: number,
): string | undefined {
  if (view.leader === undefined) return "no member leads";
  const timeline = view.members.find(({ name }) => name === view.leader)?.timeline;
  for (const name of names) {
    if (name === view.leader) continue;
    const member = view.members.find((candidate) => candidate.name === name);
    if (!member) return `${name} has not joined`;
    if (member.state !== "streaming" || member.timeline !== timeline)
      return `${name} is ${member.state}, not streaming from ${view.leader}`;
  }
  if (view.standbys.length < standbys)
    return `${view.standbys.length} of ${standbys} quorum standbys stand by`;
  return undefined;
}

interface Document {
  readonly members?: readonly {
    readonly name: string;
    readonly role: string;
    readonly state: string;
    readonly timeline?: number;
    readonly lag?: number | string;
  }[];
  readonly pause?: boolean;
}

/** One that follows another site leads its own members whether that site answers or not. */
const LEADING_STATES: Readonly<Record<string, readonly string[]>> = {
  leader: ["running"],
  standby_leader: ["running", "streaming", "in archive recovery"],
};

/** Reads the document of `/cluster`; undefined where it is none. */
export function parseView(text: string): ClusterView | undefined {
  let document: Document;
  try {
    document = JSON.parse(text) as Document;
  } catch {
    return undefined;
  }
  if (!Array.isArray(document.members)) return undefined;
  const members = document.members.map(({ name, role, state, timeline, lag }) => ({
    ...{ name, role, state, timeline },
    lag: typeof lag === "number" ? lag : undefined,
  }));
  const standbys = members
    .filter(({ role, state }) => /^(quorum|sync)_standby$/.test(role) && state === "streaming")
    .sort((one, other) => (one.lag ?? 0) - (other.lag ?? 0));
  return {
    members,
    leader: members.find(({ role, state }) => LEADING_STATES[role]?.includes(state))?.name,
    standbys: standbys.map(({ name }) => name),
    paused: document.pause === true,
  };
}
