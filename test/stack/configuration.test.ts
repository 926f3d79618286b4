import { join } from "node:path";
import { describe, expect, inject, it } from "vitest";
import { alertmanagerFiles } from "../../infra/components/monitoring/alert-routing.ts";
import { imageRef } from "../../infra/images.ts";
import { parseSettings } from "../../infra/settings/parse.ts";
import { ROOT } from "../../tools/layout.ts";
import { mustRun, run } from "../../tools/process.ts";
import { value } from "../support/clients.ts";
import { container } from "../support/faults.ts";

/** The files as they were deployed, checked by the programs that read them. */

const inside = (member: string, ...command: string[]) =>
  run("docker", ["exec", container(member), ...command], { timeout: 60_000 });

describe("the deployed configuration", () => {
  it("of HAProxy passes its own check without a warning", async () => {
    const answer = await inside("haproxy", "haproxy", "-c", "-f", "/etc/dujyo/haproxy.cfg");
    expect(answer.stdout + answer.stderr).not.toMatch(/WARNING|ALERT/);
    expect(answer.code).toBe(0);
  });

  it("of Patroni passes its own check, but for what comes by another way", async () => {
    const answer = await inside(
      "postgres-0",
      ...["patroni", "--validate-config", "--ignore-listen-port", "/etc/dujyo/patroni.yml"],
    );
    // A member's name and addresses come from its environment, and this release's check does not know quorum commit yet.
    expect((answer.stdout + answer.stderr).trim().split("\n").sort()).toEqual([
      "bootstrap.dcs.synchronous_mode quorum is not a boolean",
      "name  is not defined.",
      "postgresql.connect_address  is not defined.",
      "restapi.connect_address  is not defined.",
    ]);
  });

  it("of PostgreSQL is read without an error and asks for no restart", async () => {
    const { writer } = inject("connection");
    const answer = await inside(
      "postgres-0",
      "postgres",
      "-D",
      "/var/lib/dujyo/pgdata",
      "-C",
      "shared_preload_libraries",
    );
    expect(answer.stdout.trim()).toBe("pg_stat_statements");
    expect(await value(writer, "owner", "SELECT count(*)::int FROM pg_settings WHERE pending_restart")).toBe(
      0,
    );
    expect(await value(writer, "monitoring", "SHOW ssl_min_protocol_version")).toBe("TLSv1.3");
  });

  it("of Prometheus, with all its rules, passes its own check", async () => {
    const answer = await inside("prometheus-0", "promtool", "check", "config", "/etc/dujyo/prometheus.yml");
    expect(answer.code, answer.stdout + answer.stderr).toBe(0);
  });

  it("of Alertmanager passes its own check", async () => {
    const answer = await inside("alertmanager-0", "amtool", "check-config", "/etc/dujyo/alertmanager.yml");
    expect(answer.code, answer.stdout + answer.stderr).toBe(0);
  });

  it("of every kind of receiver is read by Alertmanager", async () => {
    const { monitoring } = parseSettings("dev", {
      monitoring: {
        heartbeat: true,
        receivers: [
          { name: "chat", type: "slack", channel: "#oncall", severities: ["page", "ticket"] },
          { name: "duty", type: "pagerduty", url: "https://events.invalid/v2/enqueue" },
          {
            ...{ name: "mail", type: "email", to: "oncall@example.invalid", from: "dujyo@example.invalid" },
            ...{ smarthost: "mail.example.invalid:587", username: "dujyo", severities: ["info"] },
          },
        ],
      },
      receiverSecrets: {
        chat: "https://hooks.invalid/x",
        duty: "key",
        mail: "password",
        heartbeat: "https://beat.invalid/x",
      },
    });
    const configuration = alertmanagerFiles(monitoring).find(({ path }) => path === "alertmanager.yml");
    const checked =
      "cat >/tmp/receivers.yml && amtool check-config /tmp/receivers.yml; rm /tmp/receivers.yml";
    const answer = await mustRun(
      "docker",
      ["exec", "--interactive", container("alertmanager-0"), "sh", "-c", checked],
      { input: configuration?.content as string, timeout: 15_000 },
    );
    expect(answer).toContain("5 receivers");
  });

  it("of Redis evicts only within a bound below the container's memory", async () => {
    const { redisPasswords } = inject("connection");
    const ask = async (name: string) => {
      const answer = await mustRun(
        "docker",
        [
          ...["exec", "--interactive", container("redis-0"), "redis-cli", "-s", "/run/redis.sock"],
          ...["--no-auth-warning", "--user", "operator", "--askpass", "CONFIG", "GET", name],
        ],
        { input: `${redisPasswords.operator}\n`, timeout: 15_000 },
      );
      return answer.trim().split("\n").at(-1);
    };
    expect(await ask("maxmemory-policy")).toBe("allkeys-lru");
    expect(await ask("appendfsync")).toBe("everysec");
    expect(Number(await ask("maxmemory"))).toBe(Math.floor((42 * 2 ** 20) / 1.5));
  });
});

describe("the job that reconciles the Redis Cluster", () => {
  it("plans every change as its own tests say", async () => {
    const answer = await run("docker", [
      ...["run", "--rm", "--network", "none", "--volume", `${join(ROOT, "infra/images/redis")}:/source:ro`],
      ...["--workdir", "/source", "--env", "PYTHONDONTWRITEBYTECODE=1", "--entrypoint", "python3"],
      ...[imageRef("redis"), "-m", "unittest", "discover", "--start-directory", "test"],
    ]);
    expect(answer.stderr).toMatch(/Ran \d{2,} tests/);
    expect(answer.code, answer.stderr).toBe(0);
  });
});
