import { Failure } from "../../tools/failure.ts";

/** What alerts are told apart by, in Alertmanager's words. */
export interface Matcher {
  readonly name: string;
  readonly value: string;
  readonly isRegex: boolean;
  readonly isEqual: boolean;
}

export interface Silence {
  readonly id: string;
  readonly state: "active" | "pending" | "expired";
  readonly matchers: readonly Matcher[];
  readonly by: string;
  readonly reason: string;
  /** RFC 3339. */
  readonly starts: string;
  readonly ends: string;
}

/** An alert that Alertmanager holds at the moment. */
export interface HeldAlert {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

interface SilenceJson {
  readonly id: string;
  readonly status: { readonly state: Silence["state"] };
  readonly matchers: readonly Matcher[];
  readonly createdBy: string;
  readonly comment: string;
  readonly startsAt: string;
  readonly endsAt: string;
}

/** What the commands ask of Alertmanager over its HTTP API, version 2. */
export class Alertmanager {
  readonly #base: string;

  /** @param base `http://127.0.0.1:9093` */
  constructor(base: string) {
    this.#base = base.replace(/\/$/, "");
  }

  async silences(): Promise<Silence[]> {
    const found = (await this.#ask("GET", "silences")) as SilenceJson[];
    return found.map(({ id, status, matchers, createdBy, comment, startsAt, endsAt }) => ({
      id,
      state: status.state,
      matchers,
      by: createdBy,
      reason: comment,
      starts: startsAt,
      ends: endsAt,
    }));
  }

  /** Alerts that all of `matchers` fit. */
  async alerts(matchers: readonly Matcher[]): Promise<HeldAlert[]> {
    const filters = new URLSearchParams(
      matchers.map((matcher) => ["filter", formatMatcher(matcher)] as [string, string]),
    );
    const found = (await this.#ask("GET", `alerts?${filters}`)) as { labels: Record<string, string> }[];
    return found.map(({ labels }) => ({ name: labels.alertname ?? "", labels }));
  }

  /** @returns the silence's identifier */
  async silence(args: Omit<Silence, "id" | "state">): Promise<string> {
    const body = {
      matchers: args.matchers,
      createdBy: args.by,
      comment: args.reason,
      startsAt: args.starts,
      endsAt: args.ends,
    };
    return ((await this.#ask("POST", "silences", body)) as { silenceID: string }).silenceID;
  }

  async expire(id: string): Promise<void> {
    await this.#ask("DELETE", `silence/${encodeURIComponent(id)}`);
  }

  async #ask(method: string, path: string, body?: unknown): Promise<unknown> {
    const response = await fetch(`${this.#base}/api/v2/${path}`, {
      method,
      signal: AbortSignal.timeout(10_000),
      ...(body !== undefined && {
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      }),
    }).catch((error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Failure(
        `Alertmanager does not answer at ${this.#base} (${reason}). "npm run status" tells whether it is up.`,
      );
    });
    const text = await response.text();
    if (!response.ok) throw new Failure(`Alertmanager refused: ${text.trim() || response.status}`);
    return text === "" ? undefined : JSON.parse(text);
  }
}

/** `instance="redis-0"`, as Alertmanager writes it. */
export function formatMatcher({ name, value, isRegex, isEqual }: Matcher): string {
  return `${name}${isEqual ? (isRegex ? "=~" : "=") : isRegex ? "!~" : "!="}${JSON.stringify(value)}`;
}
