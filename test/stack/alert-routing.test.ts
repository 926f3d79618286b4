import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { alerts } from "../monitoring/alert-files.ts";
import { AlertmanagerUnderTest, type Message } from "../support/alertmanager.ts";
import { eventually } from "../support/faults.ts";

/** Who is told what, by the Alertmanager that is deployed: one fault is one page, and no page swallows another. */

const RULES = new Map(alerts().map((rule) => [rule.alert, rule]));

interface Posted {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** An alert as Prometheus would send it. */
function firing(name: string, instance?: string): Posted {
  const rule = RULES.get(name);
  if (!rule) throw new Error(`there is no alert ${name}`);
  return {
    labels: { alertname: name, stack: "test", ...rule.labels, ...(instance ? { instance } : {}) },
    annotations: {
      summary: `summary of ${name}`,
      description: `the figure is ${name.length}`,
      runbook_url: rule.annotations.runbook_url as string,
    },
  };
}

const alertmanager = new AlertmanagerUnderTest();
beforeAll(() => alertmanager.start());
afterAll(() => alertmanager.stop());

/** Posts alerts, gives `look` time to be satisfied, and takes the alerts back. */
async function during(posted: readonly Posted[], look: () => Promise<void>): Promise<void> {
  await alertmanager.fire(posted);
  try {
    await look();
  } finally {
    await alertmanager.resolve(posted);
    await eventually("no alert is left", async () => (await alertmanager.firing()) === 0);
  }
}

const named = ({ alertname, instance }: Readonly<Record<string, string>>) =>
  instance ? `${alertname} ${instance}` : String(alertname);

/** Every message that would call somebody, by the names of its alerts. */
async function pages(): Promise<string[]> {
  const groups = await alertmanager.groups();
  return groups
    .filter(({ receiver }) => receiver.name === "duty")
    .map((group) => group.alerts.map(({ labels }) => named(labels)).join(", "))
    .sort();
}

describe("one page tells of", () => {
  it.each([
    [
      "the loss of the primary's node",
      "PostgresMemberDown postgres-0",
      [
        firing("PostgresMemberDown", "postgres-0"),
        firing("PatroniLeaderChanged", "postgres-0"),
        firing("PostgresConnectionsHigh", "postgres-0"),
        firing("TargetDown", "postgres-0"),
        firing("WriterEndpointEmpty", "haproxy"),
        firing("PgBouncerWaitLong", "pgbouncer"),
        firing("ApiErrorsHigh"),
        firing("ApiResponseSlow"),
      ],
    ],
    [
      "the loss of a machine with members of several parts",
      "NodeDown",
      [
        firing("NodeDown"),
        firing("MemberOnNodeDown", "postgres-0"),
        firing("MemberOnNodeDown", "redis-2"),
        firing("PostgresMemberDown", "postgres-0"),
        firing("RedisMemberDown", "redis-2"),
        firing("TargetDown", "redis-2"),
        firing("PatroniLeaderChanged", "postgres-0"),
        firing("HaproxyDown", "haproxy/10.0.0.7"),
        firing("PgBouncerDown", "pgbouncer/10.0.0.8"),
        firing("ApiInstanceDown", "api/10.0.0.9"),
      ],
    ],
    [
      "a cluster without a leader",
      "PatroniNoLeader",
      [
        firing("PatroniNoLeader"),
        firing("WriterEndpointEmpty", "haproxy"),
        firing("PgBouncerWaitLong", "pgbouncer"),
        firing("LedgerSealingStalled"),
        firing("ApiErrorsHigh"),
        firing("ApiErrorBudgetBurnsFast"),
      ],
    ],
    [
      "a consensus store without its majority",
      "EtcdQuorumLost",
      [
        firing("EtcdQuorumLost"),
        firing("EtcdNoLeader"),
        firing("EtcdMemberDown", "etcd-0"),
        firing("PatroniFailsafeActive"),
        firing("PatroniNoLeader"),
        firing("WriterEndpointEmpty", "haproxy"),
      ],
    ],
    [
      "a router that is down",
      "HaproxyDown haproxy",
      [
        firing("HaproxyDown", "haproxy"),
        firing("PgBouncerWaitLong", "pgbouncer"),
        firing("LedgerSealingStalled"),
        firing("ApiErrorsHigh"),
        firing("ApiErrorBudgetBurnsFast"),
        firing("ApiErrorBudgetBurns"),
      ],
    ],
    [
      "a pooler that is down",
      "PgBouncerDown pgbouncer",
      [
        firing("PgBouncerDown", "pgbouncer"),
        firing("PgBouncerWaitLong", "pgbouncer"),
        firing("ApiErrorsHigh"),
        firing("ApiLatencyBudgetBurnsFast"),
      ],
    ],
    [
      "an API that is down",
      "ApiDown",
      [
        firing("ApiDown"),
        firing("GatewayWithoutApi", "gateway"),
        firing("ApiInstanceDown", "api-0"),
        firing("ApiInstanceDown", "api-1"),
        firing("ApiErrorsHigh"),
      ],
    ],
    [
      "errors, through whatever window",
      "ApiErrorsHigh",
      [firing("ApiErrorsHigh"), firing("ApiErrorBudgetBurnsFast"), firing("ApiErrorBudgetBurns")],
    ],
    [
      "a shard that is lost",
      "RedisSlotsFailing",
      [
        firing("RedisSlotsFailing"),
        firing("RedisMemberDown", "redis-1"),
        firing("RedisMemberDown", "redis-4"),
      ],
    ],
  ])("%s: %s", async (_, page, posted) => {
    await during(posted, async () => {
      await eventually("every alert is there", async () => (await alertmanager.firing()) === posted.length);
      await eventually("its page is made", async () => (await pages()).length > 0);
      expect(await pages()).toEqual([page]);
    });
  });
});

describe("a page that stands swallows none that comes after it", () => {
  it.each([
    { first: firing("PostgresMemberDown", "postgres-2"), second: firing("PatroniNoLeader") },
    { first: firing("PostgresMemberDown", "postgres-2"), second: firing("PostgresMemberDown", "postgres-0") },
    { first: firing("PostgresMemberDown", "postgres-2"), second: firing("ApiErrorsHigh") },
    { first: firing("RedisMemberDown", "redis-1"), second: firing("RedisSlotsUnassigned") },
    { first: firing("PatroniLeaderChanged", "postgres-0"), second: firing("ApiErrorBudgetBurnsFast") },
    { first: firing("LedgerSealingStalled"), second: firing("LedgerHeightFell") },
  ])("$first.labels.alertname, then $second.labels.alertname", async ({ first, second }) => {
    await during([first], async () => {
      const expected = [first, second]
        .filter(({ labels }) => labels.severity === "page")
        .map(({ labels }) => named(labels));
      await during([first, second], async () => {
        await eventually("its page is made", async () => (await pages()).includes(named(second.labels)));
        expect(await pages()).toEqual(expected.sort());
      });
      await alertmanager.fire([first]);
    });
  });
});

describe("a message", () => {
  const received = async (path: string, holds: RegExp): Promise<Message["body"]> => {
    const find = () =>
      alertmanager.messages.find(
        (message) => message.path === path && holds.test(JSON.stringify(message.body)),
      );
    await eventually(`a message at ${path}`, async () => find() !== undefined);
    return find()?.body as Message["body"];
  };

  it("to a Slack-compatible webhook has each alert's name, figures and runbook", async () => {
    const posted = [firing("ApiBreakerOpen", "api-0"), firing("ApiEventLoopSlow", "api-1")];
    await during(posted, async () => {
      const body = await received("/slack", /ApiEventLoopSlow/);
      const [attachment] = body.attachments as { title: string; text: string; fallback: string }[];
      expect(attachment?.title).toBe("[FIRING:2] ticket (test): ApiBreakerOpen, ApiEventLoopSlow");
      for (const { labels, annotations } of posted)
        expect(attachment?.text).toContain(
          `FIRING ${labels.alertname}: ${annotations.summary}\n${annotations.description}\nRunbook: ${annotations.runbook_url}\n`,
        );
    });
  });

  it("to a PagerDuty-compatible address has them, too, and ends its own page", async () => {
    const posted = firing("PgBouncerDown", "pgbouncer-1");
    await during([posted], async () => {
      const body = await received("/pagerduty", /"trigger".*PgBouncerDown on pgbouncer-1/);
      expect(body.payload).toMatchObject({
        summary: "[FIRING:1] page (test): PgBouncerDown on pgbouncer-1",
        custom_details: {
          alerts: expect.stringContaining("the figure is 13\nRunbook: docs/runbooks/PgBouncerDown.md"),
        },
      });
    });
    const { dedup_key: begun } = await received("/pagerduty", /"trigger".*PgBouncerDown on pgbouncer-1/);
    const { dedup_key: ended } = await received("/pagerduty", /"resolve".*PgBouncerDown on pgbouncer-1/);
    expect(ended).toBe(begun);
  });

  it("by e-mail has them in its text, and goes to a server that is asked for its certificate alone", async () => {
    const posted = firing("RedisMemoryHigh", "redis-0");
    const mail = (status: string) =>
      alertmanager.mails.find(
        ({ source }) => source.includes(`[${status}`) && source.includes("docs/runbooks/RedisMemoryHigh.md"),
      );
    await during([posted], async () => {
      await eventually("a mail", async () => mail("FIRING:1") !== undefined);
    });
    expect(mail("FIRING:1")).toMatchObject({
      from: "dujyo@example.com",
      to: ["oncall@example.com"],
      user: "dujyo",
    });
    await eventually("a mail of its end", async () => mail("RESOLVED") !== undefined);
  });

  it("to the heartbeat's service comes again and again, and to nobody else", async () => {
    const before = alertmanager.messages.length;
    const beats = () => alertmanager.messages.slice(before).filter(({ path }) => path === "/heartbeat");
    await during([firing("Watchdog")], async () => {
      await eventually("two heartbeats", async () => beats().length >= 2);
    });
    const others = alertmanager.messages.filter(
      ({ path, body }) => path !== "/heartbeat" && JSON.stringify(body).includes("Watchdog"),
    );
    expect(others).toEqual([]);
  });
});
