import http from "node:http";
import https from "node:https";
import { Failure } from "../../tools/failure.ts";

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  /** NaN where the engine says so. */
  readonly value: number;
}

export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  /** Unix seconds and value. */
  readonly points: readonly (readonly [number, number])[];
}

export interface ScrapeTarget {
  readonly job: string;
  readonly instance: string;
  readonly up: boolean;
  readonly error: string;
}

export interface ActiveAlert {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly state: "pending" | "firing";
  /** When its condition came true, RFC 3339. */
  readonly since: string;
  /** What it says to a person in one line. */
  readonly summary: string;
}

interface Answer<T> {
  readonly status: "success" | "error";
  readonly data: T;
  readonly error?: string;
}

interface Matrix {
  readonly result: readonly {
    readonly metric: Record<string, string>;
    readonly value?: [number, string];
    readonly values?: [number, string][];
  }[];
  readonly resultType: "vector" | "matrix" | "scalar" | "string";
}

const ANSWER_MS = 20_000;

/** What the commands ask of Prometheus over its HTTP API. */
export class Prometheus {
  readonly #base: string;

  /** @param base `http://127.0.0.1:9090` */
  constructor(base: string) {
    this.#base = base.replace(/\/$/, "");
  }

  /** Values at this moment; a scalar is one sample without labels. */
  async query(expression: string): Promise<Sample[]> {
    const { result, resultType } = await this.#get<Matrix>("query", { query: expression });
    if (resultType === "scalar")
      return [{ labels: {}, value: Number((result as unknown as [number, string])[1]) }];
    return result.map(({ metric, value }) => ({ labels: metric, value: Number(value?.[1]) }));
  }

  /**
   * Values over time.
   *
   * @param from unix seconds, as `to`
   * @param step seconds
   */
  async range(expression: string, from: number, to: number, step: number): Promise<Series[]> {
    const parameters = { query: expression, start: String(from), end: String(to), step: String(step) };
    const { result } = await this.#get<Matrix>("query_range", parameters);
    return result.map(({ metric, values = [] }) => ({
      labels: metric,
      points: values.map(([time, value]) => [time, Number(value)] as const),
    }));
  }

  /** Names of all series that had a sample in the last `seconds`. */
  async metricNames(seconds: number): Promise<Set<string>> {
    const now = Date.now() / 1_000;
    return new Set(
      await this.#get<string[]>("label/__name__/values", { start: String(now - seconds), end: String(now) }),
    );
  }

  async targets(): Promise<ScrapeTarget[]> {
    type Active = { labels: Record<string, string>; health: string; lastError: string };
    const { activeTargets } = await this.#get<{ activeTargets: Active[] }>("targets", { state: "active" });
    return activeTargets.map(({ labels, health, lastError }) => ({
      job: labels.job ?? "",
      instance: labels.instance ?? "",
      up: health === "up",
      error: lastError,
    }));
  }

  async alerts(): Promise<ActiveAlert[]> {
    type Texts = Record<string, string>;
    type Alert = { labels: Texts; annotations: Texts; state: ActiveAlert["state"]; activeAt: string };
    const { alerts } = await this.#get<{ alerts: Alert[] }>("alerts", {});
    return alerts.map(({ labels, annotations, state, activeAt }) => ({
      name: labels.alertname ?? "",
      labels,
      state,
      since: activeAt,
      summary: annotations.summary ?? "",
    }));
  }

  async #get<T>(path: string, parameters: Record<string, string>): Promise<T> {
    const url = `${this.#base}/api/v1/${path}?${new URLSearchParams(parameters)}`;
    const text = await this.#text(url).catch((error: unknown) => {
      throw new Failure(
        `Prometheus does not answer at ${this.#base} (${error instanceof Error ? error.message : error}). Is the stack up, and is its monitoring on? "npm run status" tells.`,
      );
    });
    const answer = JSON.parse(text) as Answer<T>;
    if (answer.status !== "success")
      throw new Failure(`Prometheus refused ${parameters.query ?? path}: ${answer.error}`);
    return answer.data;
  }

  #text(url: string): Promise<string> {
    const { get } = url.startsWith("https:") ? https : http;
    return new Promise((resolve, reject) => {
      const asked = get(url, { timeout: ANSWER_MS }, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (part: string) => {
          text += part;
        });
        response.on("end", () => resolve(text));
        response.on("error", reject);
      });
      asked.on("timeout", () => asked.destroy(new Error(`no answer within ${ANSWER_MS / 1_000} s`)));
      asked.on("error", reject);
    });
  }
}
