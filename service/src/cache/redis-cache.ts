import type { Breaker } from "../resilience/circuit-breaker.ts";
import { type CacheEntry, decodeEntry, encodeEntry, headOf } from "./entry.ts";
import { leaseKey } from "./keys.ts";
import type { CachePort, LeaseAnswer, SharedFacts } from "./port.ts";
import type { ScriptedRedis } from "./redis-client.ts";

/** The shared cache on a Redis Cluster. Each node has a breaker of its own: one lost shard leaves the others in use. */
export class RedisCache implements CachePort, SharedFacts {
  readonly #clientFor: (key: string) => ScriptedRedis;
  readonly #breakerFor: (key: string) => Breaker;
  readonly #publisher: ScriptedRedis;

  /** @param publisher carries all messages: on one connection they keep their order. */
  constructor(
    clientFor: (key: string) => ScriptedRedis,
    breakerFor: (key: string) => Breaker,
    publisher: ScriptedRedis,
  ) {
    this.#clientFor = clientFor;
    this.#breakerFor = breakerFor;
    this.#publisher = publisher;
  }

  async get(key: string): Promise<CacheEntry | undefined> {
    const text = await this.#breakerFor(key).run(() => this.#clientFor(key).get(key));
    return text === null ? undefined : decodeEntry(text);
  }

  async lease(key: string, holder: string, leaseMs: number, old?: CacheEntry): Promise<LeaseAnswer> {
    const head = old === undefined ? "" : headOf(old);
    const [granted, text] = await this.#breakerFor(key).run(() =>
      this.#clientFor(key).djLease(key, leaseKey(key), holder, leaseMs, head),
    );
    return { granted: granted === 1, current: text ? decodeEntry(text) : undefined };
  }

  async release(key: string, holder: string): Promise<void> {
    await this.#breakerFor(key).run(() => this.#clientFor(key).djRelease(leaseKey(key), holder));
  }

  async fill(
    key: string,
    entry: CacheEntry,
    keepMs: number,
    holder: string,
  ): Promise<CacheEntry | undefined> {
    const answer = await this.#breakerFor(key).run(() =>
      this.#clientFor(key).djFill(
        key,
        leaseKey(key),
        entry.version,
        entry.second,
        encodeEntry(entry),
        Math.ceil(keepMs),
        holder,
      ),
    );
    return typeof answer === "string" ? decodeEntry(answer) : undefined;
  }

  async bury(
    keys: readonly string[],
    { version, second, ...marker }: CacheEntry,
    keepMs: number,
  ): Promise<void> {
    const text = encodeEntry({ version, second, ...marker }).slice(`${version} ${second} `.length);
    const args = [version, second, text, Math.ceil(keepMs)] as [number, number, string, number];
    const [one, two, three] = keys;
    if (keys.length === 3 && one && two && three) {
      await this.#breakerFor(one).run(() => this.#clientFor(one).djBuryThree(one, two, three, ...args));
      return;
    }
    await Promise.all(
      keys.map((key) => this.#breakerFor(key).run(() => this.#clientFor(key).djBuryOne(key, ...args))),
    );
  }

  async publish(channel: string, message: string): Promise<void> {
    await this.#breakerFor(channel).run(() => this.#publisher.djPublish(channel, message));
  }

  async add(key: string, fields: Readonly<Record<string, number>>, keepMs: number): Promise<void> {
    await this.#breakerFor(key).run(async () => {
      const counts = Object.entries(fields).map(([field, amount]) =>
        this.#clientFor(key).hincrby(key, field, amount),
      );
      await Promise.all([...counts, this.#clientFor(key).pexpire(key, keepMs)]);
    });
  }

  async readHash(key: string): Promise<Record<string, string>> {
    return await this.#breakerFor(key).run(() => this.#clientFor(key).hgetall(key));
  }

  async writeField(key: string, field: string, value: string, keepMs: number): Promise<void> {
    await this.#breakerFor(key).run(() =>
      Promise.all([this.#clientFor(key).hset(key, field, value), this.#clientFor(key).pexpire(key, keepMs)]),
    );
  }

  async removeField(key: string, field: string): Promise<void> {
    await this.#breakerFor(key).run(() => this.#clientFor(key).hdel(key, field));
  }
}
