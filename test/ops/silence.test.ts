import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { Alertmanager, formatMatcher } from "../../ops/alerts/alertmanager.ts";
import { alertNames, readMatchers, readSpan } from "../../ops/alerts/silence-request.ts";

describe("what a silence is for", () => {
  const known = ["RedisMemberDown", "RedisMemoryHigh", "ApiDown"];
  const read = (alerts: string[], matches: string[] = []) =>
    readMatchers(alerts, matches, known).map(formatMatcher);

  it("is alerts by name, and their labels", () => {
    expect(read(["ApiDown"])).toEqual(['alertname="ApiDown"']);
    expect(read(["ApiDown", "RedisMemberDown"], ["instance!=redis-1", "part=~redis|api", "x!~a"])).toEqual([
      'alertname=~"ApiDown|RedisMemberDown"',
      'instance!="redis-1"',
      'part=~"redis|api"',
      'x!~"a"',
    ]);
  });

  it.each([
    [["RedisMemory"], [], /no alert RedisMemory\. There is: RedisMemoryHigh\./],
    [[], [], /every alert/],
    [[], ["instance!=redis-1"], /every alert/],
    [[], ["alertname=~.*"], /every alert/],
    [[], ["instance"], /write name=value/],
    [[], ["instance=~("], /no regular expression/],
  ])("is refused for %j %j", (alerts, matches, message) => {
    expect(() => read(alerts, matches)).toThrow(message);
  });

  it("knows every alert", () => {
    expect(alertNames()).toContain("PostgresMemberDown");
  });

  it.each([
    ["2h", 7_200_000],
    ["30 min", 1_800_000],
    ["1.5 h", 5_400_000],
  ])("reads %s", (text, span) => {
    expect(readSpan(text)).toBe(span);
  });

  it.each(["", "2", "soon", "31 d", "0 h", "-1 h"])('refuses "%s" as a time', (text) => {
    expect(() => readSpan(text)).toThrow(/--for is/);
  });
});

describe("Alertmanager", () => {
  let server: Server | undefined;
  const asked: { line: string; body: string }[] = [];
  afterEach(() => {
    server?.close();
    asked.length = 0;
  });

  async function answering(status: number, answer: unknown): Promise<Alertmanager> {
    server = createServer((request, response) => {
      let body = "";
      request.on("data", (chunk) => {
        body += chunk;
      });
      request.on("end", () => {
        asked.push({ line: `${request.method} ${decodeURIComponent(request.url ?? "")}`, body });
        response.writeHead(status).end(answer === undefined ? "" : JSON.stringify(answer));
      });
    });
    await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
    return new Alertmanager(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  }

  const matchers = [{ name: "instance", value: "redis-0", isRegex: false, isEqual: true }];

  it("is told who, why and until when", async () => {
    const alertmanager = await answering(200, { silenceID: "s-1" });
    const times = { starts: "2026-01-01T00:00:00Z", ends: "2026-01-01T02:00:00Z" };
    expect(await alertmanager.silence({ matchers, by: "ann@host", reason: "disk", ...times })).toBe("s-1");
    expect(asked[0]?.line).toBe("POST /api/v2/silences");
    expect(JSON.parse(asked[0]?.body ?? "")).toEqual({
      matchers,
      createdBy: "ann@host",
      comment: "disk",
      startsAt: times.starts,
      endsAt: times.ends,
    });
  });

  it("is asked for what a silence would hit", async () => {
    const alertmanager = await answering(200, [{ labels: { alertname: "A", instance: "redis-0" } }]);
    expect(await alertmanager.alerts(matchers)).toEqual([
      { name: "A", labels: { alertname: "A", instance: "redis-0" } },
    ]);
    expect(asked[0]?.line).toBe('GET /api/v2/alerts?filter=instance="redis-0"');
  });

  it("ends a silence, with an empty answer", async () => {
    await (await answering(200, undefined)).expire("s-1");
    expect(asked[0]?.line).toBe("DELETE /api/v2/silence/s-1");
  });

  it("tells what it refuses, and that it does not answer", async () => {
    const alertmanager = await answering(400, "bad matcher");
    await expect(alertmanager.silences()).rejects.toThrow(/refused: "bad matcher"/);
    server?.close();
    await expect(new Alertmanager("http://127.0.0.1:1").silences()).rejects.toThrow(/does not answer/);
  });
});
