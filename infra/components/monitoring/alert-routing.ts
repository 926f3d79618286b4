import type { Settings } from "../../settings/schema.ts";
import { FILES_PATH } from "../../target.ts";

type Receivers = Settings["monitoring"]["receivers"];
type Receiver = Receivers[number];

/** Routes by severity; an alert reaches every receiver that asks for its severity. JSON, which is YAML. */
export function routes(receivers: Receivers): string {
  return JSON.stringify(
    receivers.map(({ name, severities }) => ({
      receiver: name,
      matchers: [`severity=~"${severities.join("|")}"`],
      continue: true,
    })),
  );
}

/** Receivers, with their secrets as files. JSON, which is YAML. */
export function receiverConfigs(receivers: Receivers): string {
  return JSON.stringify([{ name: "page-only" }, ...receivers.map(receiverConfig)]);
}

/** Path of a receiver's secret below `/etc/dujyo`. */
export function secretPath(name: string): string {
  return `secrets/receiver-${name}`;
}

function receiverConfig(receiver: Receiver): Record<string, unknown> {
  const secret = `${FILES_PATH}/${secretPath(receiver.name)}`;
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
            send_resolved: true,
          },
        ],
      };
    case "pagerduty":
      return {
        ...common,
        pagerduty_configs: [
          { routing_key_file: secret, ...(receiver.url ? { url: receiver.url } : {}), send_resolved: true },
        ],
      };
  }
}
