import { describe, expect, it } from "vitest";
import { kubectl, pods } from "./objects.ts";

/** `<instance> <up>` of every target of a job, asked from inside the pod, where what its page asks for is. */
async function targetsOf(job: string): Promise<string[]> {
  const answer = await kubectl([
    ...["exec", "prometheus-0", "--", "promtool", "query", "instant", "--format=json"],
    ...["--http.config.file=/etc/dujyo/http-client.yml", "https://localhost:9090", `up{job="${job}"}`],
  ]);
  const found = JSON.parse(answer) as { metric: { instance: string }; value: [number, string] }[];
  return found.map(({ metric, value }) => `${metric.instance} ${value[1]}`).sort();
}

describe("Prometheus on a real cluster", () => {
  it.each(["api", "haproxy"])("reads every instance of %s by itself", { timeout: 90_000 }, async (part) => {
    const expected = (await pods(part)).map(({ status }) => `${part}/${status.podIP} 1`).sort();
    await expect.poll(() => targetsOf(part), { timeout: 80_000, interval: 1_000 }).toEqual(expected);
  });
});
