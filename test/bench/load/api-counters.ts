/** Counts of an API process by the value of their one label, "" where they have none, from its page of metrics. */
export async function apiCounters(port: number, metric: string): Promise<Map<string, number>> {
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { accept: "text/plain" } });
  const line = new RegExp(`^${metric}(?:\\{\\w+="(\\w+)"\\})? (\\d+)`, "gm");
  return new Map(
    [...(await answer.text()).matchAll(line)].map(([, label = "", count]) => [label, Number(count)]),
  );
}
