/**
 * Counts of an API process by the value of their one label, "" where they have none, from its page of metrics.
 *
 * @throws Error where the page is not to be had: counts of none would be taken for a start at zero
 */
export async function apiCounters(port: number, metric: string): Promise<Map<string, number>> {
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { accept: "text/plain" } });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`the API's metrics answer ${answer.status}: ${text}`);
  const line = new RegExp(`^${metric}(?:\\{\\w+="(\\w+)"\\})? (\\d+)`, "gm");
  return new Map([...text.matchAll(line)].map(([, label = "", count]) => [label, Number(count)]));
}
