import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { receiverConfigs, routes } from "../../infra/components/monitoring/alert-routing.ts";
import { atPace, ruleFiles } from "../../infra/components/monitoring/rule-files.ts";
import { scrapeConfigs } from "../../infra/components/monitoring/scrape.ts";
import { parseSettings, SettingsError } from "../../infra/settings/parse.ts";

function problemsOf(given: Record<string, unknown>): Record<string, string> {
  try {
    parseSettings("dev", given);
  } catch (error) {
    if (error instanceof SettingsError)
      return Object.fromEntries(error.issues.map(({ path, reason }) => [path, reason]));
    throw error;
  }
  return {};
}

const slack = { name: "oncall", type: "slack" };

describe("settings of the monitoring", () => {
  it("refuse a receiver without its secret, and name the command that sets it", () => {
    const reason = problemsOf({ monitoring: { receivers: [slack] } })["monitoring.receivers.0"];
    expect(reason).toMatch(
      /^"oncall" has no secret; .*"npm run connect".*: pulumi config set --secret --path 'dujyo:receiverSecrets\["oncall"\]'$/,
    );
  });

  it("refuse a severity that nobody knows and a retention that is no duration, both at once", () => {
    const problems = problemsOf({
      monitoring: { retention: "a week", receivers: [{ ...slack, severities: ["loud"] }] },
      receiverSecrets: { oncall: "x" },
    });
    expect(problems["monitoring.receivers.0.severities.0"]).toBe(
      'is "loud", which is no severity; use page, ticket, info',
    );
    expect(problems["monitoring.retention"]).toMatch(/^is "a week"; write a duration/);
  });

  it("refuse a secret that belongs to nobody, and two receivers of one name", () => {
    const problems = problemsOf({
      monitoring: { receivers: [slack, slack] },
      receiverSecrets: { oncall: "x", gone: "y" },
    });
    expect(Object.keys(problems).sort()).toEqual(["monitoring.receivers", "receiverSecrets.gone"]);
  });

  it("take a secret as the stack file has it, encrypted", () => {
    expect(
      problemsOf({ monitoring: { receivers: [slack] }, receiverSecrets: { oncall: { secure: "v1:abc" } } }),
    ).toEqual({});
  });
});

describe("alert routing", () => {
  const { receivers } = parseSettings("dev", {
    monitoring: {
      receivers: [
        { ...slack, severities: ["page", "ticket"] },
        { name: "duty", type: "pagerduty" },
      ],
    },
    receiverSecrets: { oncall: "https://hooks.invalid/secret", duty: "key" },
  }).monitoring;

  it("sends each severity to whoever asks for it, and all of them on to the next", () => {
    expect(JSON.parse(routes(receivers))).toEqual([
      { receiver: "oncall", matchers: ['severity=~"page|ticket"'], continue: true },
      { receiver: "duty", matchers: ['severity=~"page"'], continue: true },
    ]);
  });

  it("names files and no secret", () => {
    const text = receiverConfigs(receivers);
    expect(text).toContain("/etc/dujyo/secrets/receiver-oncall");
    expect(text).not.toContain("hooks.invalid");
    expect(JSON.parse(text).map(({ name }: { name: string }) => name)).toEqual([
      "page-only",
      "oncall",
      "duty",
    ]);
  });
});

describe("scrape jobs", () => {
  it("ask an exporter for several parts about each by itself, over TLS", () => {
    const [job] = parse(
      scrapeConfigs([
        {
          job: "redis",
          trust: "monitoring",
          path: "/scrape",
          targets: [{ instance: "redis-1", address: "redis-exporter:9121", target: "rediss://redis-1:6380" }],
        },
      ]),
    );
    expect(job).toMatchObject({
      job_name: "redis",
      scheme: "https",
      metrics_path: "/scrape",
      tls_config: {
        ca_file: "/etc/dujyo/tls/monitoring-ca.crt",
        key_file: "/etc/dujyo/tls/monitoring-client.key",
      },
      static_configs: [
        {
          targets: ["redis-exporter:9121"],
          labels: { instance: "redis-1", __param_target: "rediss://redis-1:6380" },
        },
      ],
    });
  });
});

describe("rules", () => {
  const textOf = (monitoring: Record<string, unknown>) =>
    ruleFiles(parseSettings("dev", { monitoring }).monitoring)
      .map(({ content }) => content as string)
      .join("\n");

  it("lead to runbooks behind the configured address, and say whom to ask and where to look", () => {
    const contacts = {
      support: 'Platform: "#oncall"',
      docs: "https://docs.invalid/",
      dashboard: "https://grafana.invalid/d/dujyo-overview",
    };
    const text = textOf({ contacts });
    const alerts = text.match(/- alert:/g)?.length;
    expect(text.match(/https:\/\/docs\.invalid\/docs\/runbooks\//g)?.length).toBe(alerts);
    const annotated = [
      ...text.matchAll(
        /^(?<indent> +)runbook_url: .*\n\k<indent>support: (.*)\n\k<indent>dashboard: (.*)$/gm,
      ),
    ];
    expect(annotated.length).toBe(alerts);
    expect(parse(annotated[0]?.[2] as string)).toBe(contacts.support);
  });

  it("stay as they are without contacts, and wait in full", () => {
    const text = textOf({});
    expect(text).not.toContain("support:");
    expect(text).toMatch(/for: 15m\n/);
  });

  it("wait a tenth where the pace is a tenth, and a second at least", () => {
    expect(textOf({ alertPace: 0.1 })).toMatch(/for: 90s\n/);
    expect([atPace("1h30m", 0.5), atPace("30s", 0.01), atPace("5m", 1)]).toEqual(["2700s", "1s", "5m"]);
  });

  it("refuse a pace that is none", () => {
    expect(problemsOf({ monitoring: { alertPace: 0 } })["monitoring.alertPace"]).toBe(
      "is 0; use at least 0.01",
    );
  });
});
