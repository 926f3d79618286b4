import { readFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { createInterface } from "node:readline";
import { pki } from "./pki.ts";
import { KUBECONFIG } from "./place.ts";

interface Kubeconfig {
  readonly clusters: readonly [{ readonly cluster: { readonly server: string } }];
  readonly users: readonly [{ readonly user: { readonly token: string } }];
}

/** Milliseconds between two attempts to watch: the cluster may be about to end, or not there yet. */
const AGAIN = 1_000;
/** What there is nothing to do after, by method: the object is there already, or has gone. */
const DONE: Readonly<Record<string, number>> = { POST: 409, DELETE: 404 };

/** The disposable cluster's API, for what runs beside it for as long as it does. */
export class ApiClient {
  readonly #server: string;
  readonly #options: object;

  constructor() {
    const { clusters, users } = JSON.parse(readFileSync(KUBECONFIG, "utf8")) as Kubeconfig;
    this.#server = clusters[0].cluster.server;
    const headers = { authorization: `Bearer ${users[0].user.token}` };
    this.#options = { ca: readFileSync(pki("cluster.crt")), headers, agent: false };
  }

  /** Makes an object, unless it is there. */
  create(path: string, object: object): Promise<void> {
    return this.#send("POST", path, "application/json", object);
  }

  /** Lays fields over those of an object. */
  patch(path: string, fields: object): Promise<void> {
    return this.#send("PATCH", path, "application/merge-patch+json", fields);
  }

  /** Removes an object, unless it has gone. */
  delete(path: string): Promise<void> {
    return this.#send("DELETE", path, "application/json", {});
  }

  /** Tells of every object of a kind that is there, and of each again whenever it changes; for ever. */
  async watch<T>(path: string, onObject: (object: T) => void): Promise<never> {
    for (;;) {
      await this.#watchOnce(path, onObject).catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, AGAIN));
    }
  }

  async #watchOnce<T>(path: string, onObject: (object: T) => void): Promise<void> {
    const answer = await this.#ask("GET", `${path}?watch=true`);
    for await (const line of createInterface({ input: answer })) {
      const { type, object } = JSON.parse(line) as { type: string; object: T };
      if (type === "ADDED" || type === "MODIFIED") onObject(object);
    }
  }

  async #send(method: string, path: string, type: string, body: object): Promise<void> {
    const answer = await this.#ask(method, path, type, JSON.stringify(body));
    let text = "";
    for await (const chunk of answer.setEncoding("utf8")) text += chunk;
    const status = answer.statusCode ?? 0;
    if (status >= 400 && status !== DONE[method]) throw new Error(`${method} ${path}: ${status} ${text}`);
  }

  #ask(method: string, path: string, type?: string, body?: string): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const asked = request(`${this.#server}${path}`, { ...this.#options, method }, resolve);
      if (type !== undefined) asked.setHeader("content-type", type);
      asked.on("error", reject);
      asked.end(body);
    });
  }
}
