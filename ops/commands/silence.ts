import { hostname, userInfo } from "node:os";
import { Alertmanager, formatMatcher, type HeldAlert, type Silence } from "../alerts/alertmanager.ts";
import { readMatchers, readSpan } from "../alerts/silence-request.ts";
import { defineCommand, type Outcome, type Task } from "../define-command.ts";
import { Refusal } from "../refusal.ts";
import { formatTable } from "../table.ts";

interface Options {
  readonly for?: string;
  readonly reason?: string;
  readonly match: readonly string[];
  readonly all: boolean;
}

export const command = defineCommand<Options>({
  usage: "silence <action> [names...]",
  summary:
    'Keeps alerts from calling anybody for some time ("create", with names of alerts), tells which are kept ("list"), and ends ' +
    'it early ("expire", with identifiers). Alerts go on to be seen on the pages.',
  changes: true,
  // Nothing of the stack is touched, and silence is wanted most while something else is at work.
  alone: false,
  examples: [
    [
      'silence create PostgresMemberDown --match instance=postgres-1 --for 2h --reason "new disk"',
      "this alert",
    ],
    [
      'silence create --match part=redis --for "30 min" --reason "resharding" --dry-run',
      "which alerts it would hit now",
    ],
    ["silence list", "until when, by whom and why"],
    ["silence expire 0f0c1f62-8a3a-4f0e-a3a9-3c4f6a1f7b5d", "one; --all ends all"],
  ],
  options: (command) =>
    command
      .option("--for <time>", 'how long, for example "2 h"; at most 30 d')
      .option("--reason <text>", "why; whoever is called later reads it")
      .option("--match <matchers...>", "labels of the alerts: name=value, or with != =~ !~", [])
      .option("--all", "expire: end every silence", false),
  run: async (task) => {
    const { stack, args } = task;
    const [action = "", ...names] = args;
    const run = ACTIONS[action];
    if (!run)
      throw new Refusal(`There is no action "${action}"; there are: ${Object.keys(ACTIONS).join(", ")}.`);
    const { enabled, mode } = stack.settings.monitoring;
    if (!enabled)
      throw new Refusal(
        `The stack "${stack.name}" has no monitoring (monitoring.enabled): nothing raises an alarm.`,
      );
    if (mode === "operator")
      throw new Refusal(
        `The stack "${stack.name}" is watched by the cluster's own monitoring (monitoring.mode): silence its alerts there.`,
      );
    const { alertmanager } = await stack.monitoring();
    return await run(new Alertmanager(alertmanager), names, task);
  },
});

type Action = (alertmanager: Alertmanager, names: readonly string[], task: Task<Options>) => Promise<Outcome>;

const ACTIONS: Readonly<Record<string, Action>> = { create, list, expire };

async function create(
  alertmanager: Alertmanager,
  names: readonly string[],
  { options, dryRun }: Task<Options>,
): Promise<Outcome> {
  const matchers = readMatchers(names, options.match);
  if (!options.for)
    throw new Refusal('Say for how long: --for "2 h". A silence without an end would be forgotten.');
  const reason = options.reason?.trim();
  if (!reason) throw new Refusal('Say why: --reason "...". Whoever is called in the meantime reads it.');
  const now = Date.now();
  const ends = new Date(now + readSpan(options.for)).toISOString();
  const hit = await alertmanager.alerts(matchers);
  const what = matchers.map(formatMatcher).join(", ");
  const data = { matchers: matchers.map(formatMatcher), ends, hits: hit.map(({ labels }) => labels) };
  if (dryRun) return { text: `Would silence ${what} until ${shortTime(ends)}.\n${hitText(hit)}`, data };
  const by = `${userInfo().username}@${hostname()}`;
  const id = await alertmanager.silence({ matchers, by, reason, starts: new Date(now).toISOString(), ends });
  return {
    text: `Silenced ${what} until ${shortTime(ends)}: ${id}\n${hitText(hit)}`,
    data: { id, by, reason, ...data },
  };
}

async function list(alertmanager: Alertmanager): Promise<Outcome> {
  const silences = await current(alertmanager);
  const rows = silences.map(({ id, state, matchers, by, reason, ends }) => [
    id,
    state,
    matchers.map(formatMatcher).join(", "),
    shortTime(ends),
    by,
    reason,
  ]);
  const head = ["id", "state", "alerts", "until (utc)", "by", "reason"];
  return { text: rows.length > 0 ? formatTable(head, rows) : "Nothing is silenced.", data: silences };
}

async function expire(
  alertmanager: Alertmanager,
  names: readonly string[],
  { options, dryRun }: Task<Options>,
): Promise<Outcome> {
  const silences = await current(alertmanager);
  if (options.all === names.length > 0)
    throw new Refusal("Say which silences to end: their identifiers (silence list), or --all.");
  const unknown = names.filter((name) => !silences.some(({ id }) => id === name));
  if (unknown.length > 0) {
    const ids = silences.map(({ id }) => id).join(", ");
    throw new Refusal(`There is no silence ${unknown.join(", ")} to end. There are: ${ids || "none"}.`);
  }
  const chosen = silences.filter(({ id }) => options.all || names.includes(id)).map(({ id }) => id);
  if (!dryRun) for (const id of chosen) await alertmanager.expire(id);
  const text =
    chosen.length === 0 ? "Nothing is silenced." : `${dryRun ? "Would end" : "Ended"} ${chosen.join(", ")}.`;
  return { text, data: { expired: chosen } };
}

/** Alertmanager remembers those that are over for some days. */
async function current(alertmanager: Alertmanager): Promise<Silence[]> {
  const found = (await alertmanager.silences()).filter(({ state }) => state !== "expired");
  return found.sort((one, other) => one.ends.localeCompare(other.ends));
}

function hitText(hit: readonly HeldAlert[]): string {
  const names = hit.map(({ name, labels }) => (labels.instance ? `${name} (${labels.instance})` : name));
  return hit.length === 0
    ? "No alert that fits is firing now."
    : `Firing now, and kept quiet: ${names.join(", ")}.`;
}

function shortTime(time: string): string {
  return time.slice(0, 16).replace("T", " ");
}
