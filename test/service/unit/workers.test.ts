import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { exportJWK, generateKeyPair } from "jose";
import { Counter, Gauge, Registry } from "prom-client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { type Snapshot, WorkerFigures } from "../../../service/src/metrics/workers.ts";

describe("figures of several workers", () => {
  it("are added up or compared, as each figure says", async () => {
    const figures = new WorkerFigures<Worker>((worker) => worker.answer(figures), 10_000);
    figures.add(workerWith({ done_total: 3, open: 0, trusted: 1 }));
    figures.add(workerWith({ done_total: 4, open: 2, trusted: 0 }));
    expect(values(await figures.total())).toEqual({ done_total: 7, open: 2, trusted: 0 });
  });

  it("keep the counters of those that are gone, and nothing else of them", async () => {
    const figures = new WorkerFigures<Worker>((worker) => worker.answer(figures), 10_000);
    const staying = workerWith({ done_total: 1, open: 0, trusted: 1 });
    figures.add(staying);
    for (let lost = 1; lost <= 3; lost++) {
      const crashing = workerWith({ done_total: 10, open: 2, trusted: 0 });
      figures.add(crashing);
      expect(values(await figures.total()).done_total).toBe(1 + 10 * lost);
      figures.remove(crashing);
      figures.answer(crashing, await snapshot({ done_total: 10, open: 2, trusted: 0 }));
      expect(values(await figures.total())).toEqual({ done_total: 1 + 10 * lost, open: 0, trusted: 1 });
    }
  });

  it("wait neither for one that ends meanwhile nor long for one that is stuck, which counts as before", async () => {
    let stuck = false;
    const figures = new WorkerFigures<Worker>((worker) => {
      if (!stuck) worker.answer(figures);
    }, 20);
    const only = workerWith({ done_total: 5, open: 1, trusted: 1 });
    figures.add(only);
    await figures.total();
    stuck = true;
    expect(values(await figures.total())).toEqual({ done_total: 5, open: 1, trusted: 1 });
    const asked = figures.total();
    figures.remove(only);
    expect(values(await asked)).toEqual({ done_total: 5 });
  });

  it("are collected once for all who ask at the same time", async () => {
    let collections = 0;
    const figures = new WorkerFigures<Worker>((worker) => {
      collections++;
      worker.answer(figures);
    }, 10_000);
    figures.add(workerWith({ done_total: 1, open: 0, trusted: 1 }));
    await Promise.all([figures.total(), figures.total()]);
    await figures.total();
    expect(collections).toBe(2);
  });
});

describe("a service of two processes", { timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), "workers-"));
  let primary: ChildProcess;
  let url = "";

  beforeAll(async () => {
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    primary = spawn(process.execPath, [SERVER], {
      env: { ...(await environment(folder)), PORT: String(port) },
      stdio: ["ignore", "ignore", "inherit"],
    });
    await until(async () => (await scrape(url)).get("dujyo_api_in_flight_limit") === 2 * LIMIT);
  }, 120_000);
  afterAll(async () => {
    primary.kill("SIGTERM");
    await once(primary, "exit");
    rmSync(folder, { recursive: true });
  });

  it("tells the same of both whichever answers, and goes on from there when one is replaced", async () => {
    const counted = 'dujyo_api_http_responses_total{status="4xx"}';
    for (let request = 0; request < 12; request++) await ask(`${url}/nowhere`);
    for (let scraped = 0; scraped < 4; scraped++) expect((await scrape(url)).get(counted)).toBe(12);
    expect(await (await ask(`${url}/metrics`)).json()).toMatchObject({
      instance: "api-0",
      requests_total: 12,
      caches_trusted: false,
    });

    const [first] = childrenOf(primary);
    process.kill(first as number, "SIGKILL");
    await until(async () => {
      const figures = await scrape(url);
      expect(figures.get(counted)).toBe(12);
      return (
        !childrenOf(primary).includes(first as number) &&
        figures.get("dujyo_api_in_flight_limit") === 2 * LIMIT
      );
    });
  });
});

describe("a service whose processes can not serve", { timeout: 60_000 }, () => {
  it("ends, with an exit code that its restart policy counts", async () => {
    const folder = mkdtempSync(join(tmpdir(), "workers-"));
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    try {
      const primary = spawn(process.execPath, [SERVER], {
        env: { ...(await environment(folder)), PORT: String((taken.address() as AddressInfo).port) },
        stdio: "ignore",
      });
      const [code] = await once(primary, "exit");
      expect(code).toBeGreaterThan(0);
    } finally {
      taken.close();
      rmSync(folder, { recursive: true });
    }
  });
});

const SERVER = fileURLToPath(new URL("../../../service/src/server.ts", import.meta.url));
const LIMIT = 70;

interface Facts {
  readonly done_total: number;
  readonly open: number;
  readonly trusted: number;
}

interface Worker {
  answer(figures: WorkerFigures<Worker>): void;
}

function workerWith(facts: Facts): Worker {
  const worker: Worker = {
    answer: (figures) => void snapshot(facts).then((answer) => figures.answer(worker, answer)),
  };
  return worker;
}

async function snapshot({ done_total, open, trusted }: Facts): Promise<Snapshot> {
  const registry = new Registry();
  const registers = [registry];
  new Counter({ name: "done_total", help: "h", registers }).inc(done_total);
  new Gauge({ name: "open", help: "h", registers, aggregator: "max" }).set(open);
  new Gauge({ name: "trusted", help: "h", registers, aggregator: "min" }).set(trusted);
  return await registry.getMetricsAsJSON();
}

function values(figures: Snapshot): Record<string, number | undefined> {
  return Object.fromEntries(figures.map((metric) => [metric.name, metric.values[0]?.value]));
}

/** What the service needs to start; no engine answers, which its own figures do without. */
async function environment(folder: string): Promise<Record<string, string>> {
  const file = (name: string, content: string): string => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  const key = { ...(await exportJWK((await generateKeyPair("EdDSA")).publicKey)), alg: "EdDSA", kid: "k" };
  const secret = file("secret", "x");
  return {
    PATH: process.env.PATH ?? "",
    HOST: "127.0.0.1",
    INSTANCE: "api-0",
    WORKERS: "2",
    MAX_IN_FLIGHT: String(LIMIT),
    DRAIN_DELAY_MS: "0",
    DB_HOST: "localhost",
    DB_PORT: "1",
    LISTEN_HOST: "localhost",
    LISTEN_PORT: "1",
    REDIS_NODES: "localhost:1",
    ACCESS_LOG_KEY_FILE: file("access-log-key", "a key that only this test has"),
    AUTH_KEY_SET_FILE: file("keys", JSON.stringify({ keys: [key] })),
    DB_CA_FILE: secret,
    REDIS_CA_FILE: secret,
    DB_PASSWORD_FILE: secret,
    DB_RO_PASSWORD_FILE: secret,
    REDIS_PASSWORD_FILE: secret,
  };
}

/** A connection of its own for each request: the kernel hands it to either process. */
async function ask(url: string, headers: Record<string, string> = {}): Promise<Response> {
  return await fetch(url, { headers: { ...headers, connection: "close" } });
}

/** Figures by name and labels. */
async function scrape(url: string): Promise<Map<string, number>> {
  const text = await (await ask(`${url}/metrics`, { accept: "text/plain" })).text();
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(lines.map((line) => [line.replace(/ [^ ]*$/, ""), Number(line.split(" ").at(-1))]));
}

/** Waits for the condition; a process that is not there yet or no more refuses connections or breaks them off. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  const unreachable = (error: unknown): boolean => {
    if (error instanceof TypeError && error.message === "fetch failed") return false;
    throw error;
  };
  while (!(await condition().catch(unreachable))) await pause(100);
}

function childrenOf({ pid }: ChildProcess): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}
