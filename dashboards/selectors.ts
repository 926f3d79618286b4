/** Label matchers and PromQL shapes that several dashboards share. */

/** The members picked in a dashboard's `instance` variable. */
export const PICKED = 'instance=~"$instance"';

/** Routes that users call; health checks, scrapes and the operator's pages are left out. */
export const USER_ROUTES = 'route!~"/health.*|/metrics|/admin/.*|/openapi.json|unrouted"';

/** The service's database, without the engine's own ones. */
export const LEDGER = 'datname="dujyo_blockchain"';

/** File systems that hold data. */
export const DISKS = 'fstype!~"tmpfs|squashfs|ramfs"';

/** Growth per second over the window that fits the panel's resolution. */
export function rate(series: string): string {
  return `rate(${series}[$__rate_interval])`;
}

export function sumBy(labels: string, expression: string): string {
  return `sum by (${labels}) (${expression})`;
}

/**
 * A percentile of the API's answers to users.
 *
 * @param quantile 0 to 1
 * @param matchers more label matchers, such as `route="/stats"`
 * @param by labels that are kept apart, beside `le`
 */
export function responsePercentile(quantile: number, matchers = USER_ROUTES, by: string[] = []): string {
  const buckets = rate(`dujyo_api_http_request_duration_seconds_bucket{${matchers}}`);
  return `histogram_quantile(${quantile}, ${sumBy(["le", ...by].join(", "), buckets)})`;
}

/** Mean time of an answer in seconds. */
export function responseMean(matchers = USER_ROUTES): string {
  const name = "dujyo_api_http_request_duration_seconds";
  return `sum(${rate(`${name}_sum{${matchers}}`)}) / sum(${rate(`${name}_count{${matchers}}`)})`;
}
