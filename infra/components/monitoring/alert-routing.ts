import { readConfig, render } from "../../lib/render.ts";
import { HEARTBEAT } from "../../settings/receivers.ts";
import type { Settings } from "../../settings/schema.ts";
import { FILES_PATH, type FileSpec } from "../../target.ts";
import { atPace } from "./rule-files.ts";

type Monitoring = Settings["monitoring"];
type Receiver = Monitoring["receivers"][number];

/** Alertmanager's configuration and the texts of its messages; secrets come beside them, see {@link secretPath}. */
export function alertmanagerFiles({
  receivers,
  heartbeat,
  alertPace,
}: Pick<Monitoring, "receivers" | "heartbeat" | "alertPace">): FileSpec[] {
  const routes = [...(heartbeat ? [heartbeatRoute(alertPace)] : []), ...receivers.flatMap(receiverRoutes)];
  const configs = [
    { name: "page-only" },
    ...(heartbeat ? [heartbeatReceiver()] : []),
    ...receivers.map(receiverConfig),
  ];
  return [
    {
      path: "alertmanager.yml",
      // JSON, which is YAML.
      content: render("alertmanager/alertmanager.yml", {
        groupWait: atPace("30s", alertPace),
        groupInterval: atPace("5m", alertPace),
        routes: JSON.stringify(routes),
        receivers: JSON.stringify(configs),
      }),
    },
    { path: "dujyo.tmpl", content: readConfig("alertmanager/dujyo.tmpl") },
  ];
}

/** Path of a receiver's secret below `/etc/dujyo`. */
export function secretPath(name: string): string {
  return `secrets/receiver-${name}`;
}

const secretFile = (name: string) => `${FILES_PATH}/${secretPath(name)}`;

/**
 * The dead man's switch goes to the heartbeat's receiver and to nobody else. A group is looked at once an interval, so
 * that is half of what is promised: with the whole a message that is a moment early would be left out.
 */
function heartbeatRoute(pace: number): Record<string, unknown> {
  return {
    receiver: HEARTBEAT,
    matchers: ['alertname="Watchdog"'],
    group_wait: "0s",
    group_interval: atPace("30s", pace),
    repeat_interval: atPace("1m", pace),
  };
}

function heartbeatReceiver(): Record<string, unknown> {
  return {
    name: HEARTBEAT,
    webhook_configs: [{ url_file: secretFile(HEARTBEAT), send_resolved: false }],
  };
}

/** An alert reaches every receiver that asks for its severity. Each page is a message of its own. */
function receiverRoutes({ name, severities }: Receiver): Record<string, unknown>[] {
  const others = severities.filter((severity) => severity !== "page");
  return [
    ...(severities.includes("page")
      ? [
          {
            receiver: name,
            matchers: ['severity="page"'],
            group_by: ["alertname", "instance"],
            continue: true,
          },
        ]
      : []),
    ...(others.length > 0
      ? [{ receiver: name, matchers: [`severity=~"${others.join("|")}"`], continue: true }]
      : []),
  ];
}

const TITLE = '{{ template "dujyo.title" . }}';
const TEXT = '{{ template "dujyo.text" . }}';

function receiverConfig(receiver: Receiver): Record<string, unknown> {
  const secret = secretFile(receiver.name);
  const common = { name: receiver.name };
  switch (receiver.type) {
    case "email":
      return {
        ...common,
        email_configs: [
          {
            to: receiver.to,
            from: receiver.from,
            smarthost: receiver.smarthost,
            auth_username: receiver.username,
            auth_password_file: secret,
            headers: { Subject: TITLE },
            html: "",
            text: TEXT,
            send_resolved: true,
          },
        ],
      };
    case "slack":
      return {
        ...common,
        slack_configs: [
          {
            api_url_file: secret,
            ...(receiver.channel ? { channel: receiver.channel } : {}),
            title: TITLE,
            fallback: TITLE,
            text: TEXT,
            send_resolved: true,
          },
        ],
      };
    case "pagerduty":
      return {
        ...common,
        pagerduty_configs: [
          {
            routing_key_file: secret,
            ...(receiver.url ? { url: receiver.url } : {}),
            description: TITLE,
            details: { alerts: TEXT },
            send_resolved: true,
          },
        ],
      };
  }
}
