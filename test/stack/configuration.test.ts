import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, inject, it } from "vitest";
import { parse } from "yaml";
import { alertmanagerFiles } from "../../infra/components/monitoring/alert-routing.ts";
import { imageRef } from "../../infra/images.ts";
import { parseSettings } from "../../infra/settings/parse.ts";
import { ROOT } from "../../tools/layout.ts";
import { describeParameters, PARAMETERS_FILE } from "../../tools/postgres-parameters.ts";
import { mustRun, run } from "../../tools/process.ts";
import { value } from "../support/clients.ts";
import { container, eventually } from "../support/faults.ts";

/** The files as they were deployed, checked by the programs that read them. */

const inside = (member: string, ...command: string[]) =>
  run("docker", ["exec", container(member), ...command], { timeout: 60_000 });

/**
 * Lets a member's program start once more, with the member's files and nothing else: no data, no network, no peers.
 *
 * @param command shell command that ends in the program
 * @param ready what the program says when it serves
 * @returns what it said until then
 */
async function startedWith(member: string, command: string, ready: string): Promise<string> {
  const image = (await mustRun("docker", ["inspect", "--format", "{{.Image}}", container(member)])).trim();
  const name = container(`check-${member}`);
  const memory = ["/run", "/tmp", "/var/lib/dujyo"].flatMap((path) => ["--tmpfs", `${path}:mode=1777`]);
  await mustRun("docker", [
    ...[
      "run",
      "--detach",
      "--name",
      name,
      "--network",
      "none",
      "--user",
      "10001:0",
      "--read-only",
      ...memory,
    ],
    ...["--volume", `${container(member)}-files:/etc/dujyo:ro`, "--entrypoint", "sh", image, "-c", command],
  ]);
  try {
    const log = async () => {
      const { stdout, stderr } = await run("docker", ["logs", name]);
      return stdout + stderr;
    };
    await eventually(`"${ready}" of ${member}`, async () => (await log()).includes(ready), 20);
    return await log();
  } finally {
    await mustRun("docker", ["rm", "--force", "--volumes", name]);
  }
}

describe("the deployed configuration", () => {
  it("of HAProxy passes its own check without a warning", async () => {
    const answer = await inside("haproxy", "haproxy", "-c", "-f", "/etc/dujyo/haproxy.cfg");
    expect(answer.stdout + answer.stderr).not.toMatch(/WARNING|ALERT/);
    expect(answer.code).toBe(0);
  });

  it("of the gateway passes HAProxy's check without a warning", async () => {
    const answer = await inside("gateway", "haproxy", "-c", "-f", "/etc/dujyo/haproxy.cfg");
    expect(answer.stdout + answer.stderr).not.toMatch(/WARNING|ALERT/);
    expect(answer.code).toBe(0);
  });

  it("of PgBouncer is taken by a pooler that starts with it, without a warning", async () => {
    const log = await startedWith(
      "pgbouncer",
      "mkdir /run/pgbouncer; exec pgbouncer /etc/dujyo/pgbouncer.ini",
      "process up",
    );
    expect(log).not.toMatch(/WARNING|ERROR|FATAL/);
  });

  it("of Redis is taken by a server that starts with it, without a warning about it", async () => {
    const command = 'exec redis-server /etc/dujyo/redis.conf --tls-port 6379 --masterauth ""';
    const log = await startedWith("redis-0", command, "Ready to accept connections");
    const warnings = log.split("\n").filter((line) => / # /.test(line));
    // Of the machine, whose settings no container changes, and of a network without IPv6.
    const machine =
      /Memory overcommit|TCP backlog|Transparent Huge Pages|Failed to test the kernel|listening socket ::/;
    expect(warnings.filter((line) => !machine.test(line))).toEqual([]);
  });

  it("of etcd names nothing but what etcd has a flag for", async () => {
    // etcd passes over a key that it does not know.
    const help = await inside("etcd-0", "etcd", "--help");
    const flags = new Set(
      Array.from((help.stdout + help.stderr).matchAll(/--([a-z-]+)/g), ([, flag]) => flag),
    );
    const file = parse((await inside("etcd-0", "cat", "/etc/dujyo/etcd.yml")).stdout) as Record<
      string,
      unknown
    >;
    const sections = ["client-transport-security", "peer-transport-security"];
    expect(Object.keys(file).length).toBeGreaterThan(15);
    expect(Object.keys(file).filter((key) => !flags.has(key) && !sections.includes(key))).toEqual([]);
    for (const section of sections)
      expect(Object.keys(file[section] as object).filter((key) => !flags.has(key))).toEqual([]);
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
    expect(answer.stdout.trim()).toBe("pg_stat_statements,pgaudit");
    expect(await value(writer, "owner", "SELECT count(*)::int FROM pg_settings WHERE pending_restart")).toBe(
      0,
    );
    expect(await value(writer, "monitoring", "SHOW ssl_min_protocol_version")).toBe("TLSv1.3");
  });

  it("of PostgreSQL is checked against the parameters that the image's own server has", async () => {
    expect(await describeParameters()).toBe(readFileSync(join(ROOT, PARAMETERS_FILE), "utf8"));
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
        duty: "0123456789abcdef0123456789abcdef",
        mail: "abcd efgh ijkl mnop",
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

describe("what is written in Python", () => {
  it.each([
    ["redis", "the job that reconciles the cluster"],
    ["postgres", "the view that says when a cluster is whole"],
  ] as const)("in the image %s, %s, does what its own tests say", async (image, _) => {
    const answer = await run("docker", [
      ...["run", "--rm", "--network", "none", "--volume", `${join(ROOT, "infra/images", image)}:/source:ro`],
      ...["--workdir", "/source", "--env", "PYTHONDONTWRITEBYTECODE=1", "--entrypoint", "python3"],
      ...[imageRef(image), "-m", "unittest", "discover", "--start-directory", "test"],
    ]);
    expect(answer.stderr).toMatch(/Ran [1-9]\d* tests/);
    expect(answer.code, answer.stderr).toBe(0);
  });
});
