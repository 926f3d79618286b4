import { describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { alertmanagerFiles } from "../../infra/components/monitoring/alert-routing.ts";
import { atPace, ruleFiles } from "../../infra/components/monitoring/rule-files.ts";
import { scrapeConfigs } from "../../infra/components/monitoring/scrape.ts";
import { parseSettings } from "../../infra/settings/parse.ts";
import { parseStackFile } from "../../infra/settings/stack-file.ts";
import { alerts } from "../monitoring/alert-files.ts";
import { problemsIn, problemsOf } from "../support/settings-problems.ts";

const ADDRESS = "https://hooks.invalid/secret";
const slack = { name: "oncall", type: "slack" };

describe("settings of the monitoring", () => {
  it("refuse a receiver without its secret, and name the command that sets it", () => {
    const reason = problemsOf({ monitoring: { receivers: [slack] } })["monitoring.receivers.0"];
    expect(reason).toMatch(
      /^"oncall" has no secret; .*"npm run connect".*: pulumi config set --secret --path 'dujyo:receiverSecrets\["oncall"\]'$/,
    );
  });

  it("refuse a severity that nobody knows, a retention that is no duration and a missing secret, all at once", () => {
    const problems = problemsOf({
      monitoring: { retention: "a week", receivers: [{ ...slack, severities: ["loud"] }] },
    });
    expect(problems["monitoring.receivers.0.severities.0"]).toBe(
      'is "loud", which is no severity; use page, ticket, info',
    );
    expect(problems["monitoring.retention"]).toMatch(/^is "a week"; write a duration/);
    expect(problems["monitoring.receivers.0"]).toContain("has no secret");
  });

  it("refuse a secret that belongs to nobody, and two receivers of one name", () => {
    const problems = problemsOf({
      monitoring: { receivers: [slack, slack] },
      receiverSecrets: { oncall: ADDRESS, gone: "y" },
    });
    expect(Object.keys(problems).sort()).toEqual(["monitoring.receivers", "receiverSecrets.gone"]);
  });

  it("refuse the heartbeat without its address, and its name for another", () => {
    const alone = problemsOf({ monitoring: { heartbeat: true } });
    expect(alone["monitoring.heartbeat"]).toContain('"heartbeat" has no secret');
    const taken = problemsOf({
      monitoring: { heartbeat: true, receivers: [{ ...slack, name: "heartbeat" }] },
      receiverSecrets: { heartbeat: ADDRESS },
    });
    expect(taken["monitoring.receivers"]).toContain('two receivers of the name "heartbeat"');
  });

  it("refuse a webhook's secret that is no address, without showing it", () => {
    const problems = problemsOf({
      monitoring: { heartbeat: true, receivers: [slack] },
      receiverSecrets: { oncall: "T0/B0/very-secret", heartbeat: "ftp://beat.invalid/very-secret" },
    });
    expect(Object.keys(problems).sort()).toEqual(["receiverSecrets.heartbeat", "receiverSecrets.oncall"]);
    expect(problems["receiverSecrets.oncall"]).toContain("is no address that begins with http");
    expect(JSON.stringify(problems)).not.toContain("very-secret");
  });

  it("refuse e-mail addresses without an @ and a mail server without a port", () => {
    const problems = problemsOf({
      monitoring: {
        receivers: [
          {
            ...{ name: "mail", type: "email", to: "oncall", from: "dujyo at example.com" },
            ...{ smarthost: "mail.example.com", username: "dujyo" },
          },
        ],
      },
      receiverSecrets: { mail: "x" },
    });
    const path = (key: string) => problems[`monitoring.receivers.0.${key}`];
    expect(path("to")).toBe(
      'is "oncall", which is no e-mail address; write one such as "oncall@example.com"',
    );
    expect(path("from")).toContain('"dujyo at example.com", which is no e-mail address');
    expect(path("smarthost")).toContain('is "mail.example.com"; write the mail server as "host:port"');
  });

  it("refuse a weak password or key, without showing it", () => {
    const mail = {
      ...{ name: "mail", type: "email", to: "oncall@example.com", from: "dujyo@example.com" },
      ...{ smarthost: "mail.example.com:587", username: "dujyo" },
    };
    const receivers = [mail, { name: "duty", type: "pagerduty" }];
    const problems = (secret: string) =>
      problemsOf({ monitoring: { receivers }, receiverSecrets: { mail: secret, duty: secret } });
    expect(problems("abcd efgh ijkl mnop")).toEqual({});
    for (const weak of ["open-sesame", "abababababababababab"]) {
      const found = problems(weak);
      expect(Object.keys(found).sort()).toEqual(["receiverSecrets.duty", "receiverSecrets.mail"]);
      expect(found["receiverSecrets.duty"]).toMatch(
        /^is a weak password or key, \d+ characters, \d+ of them/,
      );
      expect(JSON.stringify(found)).not.toContain(weak);
    }
  });

  it("refuse a secret that a stack file holds unencrypted, beside whatever else is wrong", () => {
    const file = stringify({
      config: {
        "dujyo:postgres": { replicas: "many" },
        "dujyo:monitoring": { receivers: [slack, { ...slack, name: "other" }] },
        "dujyo:receiverSecrets": { oncall: ADDRESS, other: { secure: "v1:abc" } },
      },
    });
    const problems = problemsIn(() => parseStackFile("dev", file));
    expect(Object.keys(problems).sort()).toEqual(["postgres.replicas", "receiverSecrets.oncall"]);
    expect(problems["receiverSecrets.oncall"]).toContain("stands in the stack file unencrypted");
  });

  it("take a secret as the stack file has it, encrypted", () => {
    expect(
      problemsOf({ monitoring: { receivers: [slack] }, receiverSecrets: { oncall: { secure: "v1:abc" } } }),
    ).toEqual({});
  });
});

describe("alert routing", () => {
  const { monitoring } = parseSettings("dev", {
    monitoring: {
      heartbeat: true,
      receivers: [
        { ...slack, severities: ["page", "ticket"] },
        { name: "duty", type: "pagerduty" },
      ],
    },
    receiverSecrets: { oncall: ADDRESS, duty: "0123456789abcdef0123456789abcdef", heartbeat: ADDRESS },
  });
  const text = alertmanagerFiles(monitoring).find(({ path }) => path === "alertmanager.yml")
    ?.content as string;
  const { route, receivers } = parse(text) as {
    route: { routes: object[] };
    receivers: { name: string }[];
  };

  it("sends each severity to whoever asks for it, each page by itself, and the heartbeat to its service alone", () => {
    const page = { matchers: ['severity="page"'], group_by: ["alertname", "instance"], continue: true };
    expect(route.routes).toEqual([
      {
        receiver: "heartbeat",
        matchers: ['alertname="Watchdog"'],
        group_wait: "0s",
        group_interval: "30s",
        repeat_interval: "1m",
      },
      { receiver: "oncall", ...page },
      { receiver: "oncall", matchers: ['severity=~"ticket"'], continue: true },
      { receiver: "duty", ...page },
    ]);
  });

  it("names files and no secret", () => {
    expect(text).toContain("/etc/dujyo/secrets/receiver-oncall");
    expect(text).not.toContain("hooks.invalid");
    expect(receivers.map(({ name }) => name)).toEqual(["page-only", "heartbeat", "oncall", "duty"]);
  });

  it("knows every alert that an inhibition names", () => {
    const matchers = [...text.matchAll(/alertname(?:=~|!~|=|!=)"([^"]+)"/g)].map(([, pattern]) => pattern);
    expect(matchers.length).toBeGreaterThan(20);
    const names = alerts().map(({ alert }) => alert);
    const hit = (pattern: string) => names.some((name) => new RegExp(`^(?:${pattern})$`).test(name));
    const alternatives = matchers.flatMap((pattern = "") =>
      pattern.includes("(") ? [pattern] : pattern.split("|"),
    );
    expect(alternatives.filter((pattern) => !hit(pattern))).toEqual([]);
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

describe("a job whose instances come and go", () => {
  it("looks them up again and again, tells them apart, and knows them by their part's certificate", () => {
    const [job] = parse(
      scrapeConfigs([
        { job: "api", trust: "api", found: { part: "api", name: "api-instances.ns.svc", port: 8083 } },
      ]),
    );
    expect(job).toMatchObject({
      tls_config: { ca_file: "/etc/dujyo/tls/api-ca.crt", server_name: "api" },
      dns_sd_configs: [{ names: ["api-instances.ns.svc"], type: "A", port: 8083, refresh_interval: "10s" }],
    });
    expect(job).not.toHaveProperty("static_configs");
    const [{ regex, target_label, replacement }] = job.relabel_configs;
    expect(target_label).toBe("instance");
    expect("10.244.0.7:8083".replace(new RegExp(`^${regex}$`), replacement)).toBe("api/10.244.0.7");
  });
});

describe("rules", () => {
  const rulesOf = (given: Record<string, unknown>, jobs = ["postgres"]) =>
    ruleFiles(parseSettings("dev", given), jobs)
      .map(({ content }) => content as string)
      .join("\n");
  const textOf = (monitoring: Record<string, unknown>) => rulesOf({ monitoring });
  const alertOf = (text: string, name: string) =>
    text.split("- alert: ").find((alert) => alert.startsWith(`${name}\n`)) ?? "";

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

  it("follow the settings that decide their thresholds, in what they say, too", () => {
    const text = rulesOf({
      postgres: { maxReplicaLag: "32 MB", slowQuery: "250 ms" },
      pgbouncer: { queryWait: "60 s" },
      ledger: { sealInterval: "2 s" },
    });
    expect(alertOf(text, "ReplicationLagBytes")).toMatch(/> 33554432\n[\s\S]* beyond 32 MB it gets no reads/);
    expect(text).toContain("> 0.25 * rate(pg_stat_statements_calls_total");
    expect(alertOf(text, "PostgresSlowStatements")).toContain("mean above 250 ms;");
    expect(alertOf(text, "PgBouncerWaitLong")).toMatch(/> 20\n[\s\S]* after 60 s it gets an error/);
    expect(alertOf(text, "LedgerSealingStalled")).toMatch(/> 24\n[\s\S]* 2 s apart, the limit is 24 s/);
  });

  it("expect of an instance what its processes carry, none of which has more than one core", () => {
    const bound = (api: Record<string, number>) =>
      Number(/> 0\.7 \* (\d+)/.exec(alertOf(rulesOf({ api }), "ApiNearCapacity"))?.[1]);
    const one = bound({});
    expect(one).toBeGreaterThan(0);
    expect(bound({ workers: 4, cpus: 4 }) / one).toBe(4);
    expect(bound({ workers: 4, cpus: 0.5 }) / one).toBe(0.5);
    expect(bound({ workers: 1, cpus: 4 }) / one).toBe(1);
  });

  it("miss a scrape job of this stack, and none that it does not have", () => {
    const alert = alertOf(rulesOf({}, ["postgres", "etcd"]), "ScrapeJobMissing");
    expect(alert.match(/absent\(.*\)/g)).toEqual(['absent(up{job="postgres"})', 'absent(up{job="etcd"})']);
    expect(() => rulesOf({}, ["postgres", "mongo"])).toThrow("no rule tells of the absence of the job mongo");
  });

  it("call nobody for a failover that works, whatever its profile and the pace", () => {
    const waits = (given: Record<string, unknown>) =>
      ["PatroniNoLeader", "WriterEndpointEmpty", "PatroniTwoLeaders"].map(
        (name) => /for: (\S+)/.exec(alertOf(rulesOf(given), name))?.[1],
      );
    expect(waits({})).toEqual(["1m", "1m", "1m"]);
    // ttl 60 s + 2 s + a check of 3 s, and a scrape.
    expect(waits({ postgres: { recovery: "tolerant" } })).toEqual(["80s", "80s", "1m"]);
    // ttl 30 s + 2 s + two checks of 3 s, and a scrape: within the minute that they wait anyway.
    expect(waits({ postgres: { recovery: "stock" } })).toEqual(["1m", "1m", "1m"]);
    // ttl 20 s + 2 s + a check of 1 s, and a scrape.
    expect(waits({ postgres: { recovery: "fast" }, monitoring: { alertPace: 0.1 } })).toEqual([
      "38s",
      "38s",
      "6s",
    ]);
  });
});
