import { describe, expect, inject, it } from "vitest";
import { mustRun, run } from "../../tools/process.ts";
import { value, withSession } from "../support/clients.ts";
import { container, leader } from "../support/faults.ts";
import { STACK } from "../support/stack-settings.ts";

/** What a container has written since it was made, both streams. */
async function logOf(member: string): Promise<string[]> {
  const { stdout, stderr } = await run("docker", ["logs", container(member)]);
  return `${stdout}\n${stderr}`.split("\n").filter((line) => line !== "");
}

describe("logs", () => {
  it("are rotated, in every container", async () => {
    const filter = ["--filter", `label=io.dujyo.stack=${STACK}`, "--filter", "label=io.dujyo.member"];
    const ids = (await mustRun("docker", ["ps", "--quiet", ...filter])).trim().split("\n");
    const inspected = JSON.parse(await mustRun("docker", ["inspect", ...ids])) as {
      Name: string;
      HostConfig: { LogConfig: { Type: string; Config: Record<string, string> } };
    }[];
    expect(inspected.length).toBeGreaterThan(20);
    for (const { Name, HostConfig } of inspected)
      expect([Name, HostConfig.LogConfig]).toEqual([
        Name,
        { Type: "json-file", Config: { "max-size": "10m", "max-file": "3" } },
      ]);
  });

  it.each([
    ["simple", []],
    ["extended", [1.1]],
  ])("name a slow statement of the %s protocol by the id that finds it", async (protocol, values) => {
    const { writer } = inject("connection");
    const name = `slow_${protocol}_${process.pid}`;
    await withSession(writer, "owner", (client) =>
      client.query(`SELECT pg_sleep(${values.length > 0 ? "$1" : "1.1"}) AS ${name}`, values),
    );
    const lines = await logOf(await leader());
    const line = lines.find((text) => text.includes("duration:") && text.includes(name));
    const id = /\squery=(-?\d+)\s/.exec(line ?? "")?.[1];
    expect(id, `the line of ${name}: ${line}`).toMatch(/^-?[1-9]\d*$/);
    const found = await value<string>(
      writer,
      "owner",
      `SELECT query FROM pg_stat_statements WHERE queryid = ${id}`,
    );
    expect(found).toContain(name);
  });

  it("are JSON where the engine can", async () => {
    const patroni = (await logOf(await leader())).filter((line) => line.startsWith("{"));
    expect(patroni.length).toBeGreaterThan(0);
    for (const line of patroni)
      expect(JSON.parse(line)).toMatchObject({
        time: expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/),
        level: expect.any(String),
        message: expect.any(String),
      });
    // An exporter that is well says nothing: a second one finds the port taken.
    for (const exporter of ["postgres-exporter-0", "pgbouncer-exporter"]) {
      const { code, stderr } = await run("docker", ["exec", container(exporter), "member-start"]);
      expect(code).toBe(1);
      const lines = stderr.trim().split("\n");
      expect(JSON.parse(lines.at(-1) ?? "")).toMatchObject({
        level: expect.stringMatching(/error/i),
        err: expect.stringContaining("address already in use"),
      });
    }
  });

  it("have the fields of RFC 5424 where the engine's events are text", async () => {
    // Of a stack that is well HAProxy says nothing: a member that rests from reading, and comes back, is an event.
    const ask = (state: string) =>
      mustRun("docker", [
        ...["exec", container("haproxy"), "haproxy-ask"],
        `set server reader/postgres-0 state ${state}`,
      ]);
    await ask("drain");
    await ask("ready");
    const lines = await logOf("haproxy");
    expect(lines.filter((line) => line.includes("reader/postgres-0")).length).toBeGreaterThan(0);
    for (const line of lines) expect(line).toMatch(/^<\d+>1 \d{4}-\d\d-\d\dT\S+ \S+ haproxy \d+ - - /);
  });
});
