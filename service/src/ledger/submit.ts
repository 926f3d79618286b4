import { createHash } from "node:crypto";

import type { Change, Coherence } from "../cache/coherence.ts";
import { accountKey } from "../cache/keys.ts";
import type { PeerLink } from "../cache/peer-link.ts";
import type { CachePort } from "../cache/port.ts";
import type { Loaded, ReadThrough, Source } from "../cache/read-through.ts";
import { Problem } from "../errors.ts";
import { formatReadAfter } from "../read-after.ts";
import type { Balances } from "../repositories/balances.ts";
import { chainState, type Histories, type HistoryTransaction, prepend } from "../repositories/history.ts";
import type { Booking, Ledger, TransferOrder } from "../repositories/ledger.ts";
import type { UnsettledAccounts } from "./unsettled.ts";

export type TransferRequest = Pick<TransferOrder, "from" | "to" | "amount" | "nonce" | "key" | "nftId">;

export interface SubmitArgs {
  readonly ledger: Pick<Ledger, "transfer" | "announce">;
  readonly cache: ReadThrough;
  readonly shared: CachePort;
  readonly coherence: Coherence;
  readonly peers: Pick<PeerLink, "tellChanged">;
  readonly balances: Balances;
  readonly histories: Histories;
  readonly unsettled: Pick<UnsettledAccounts, "add">;
  readonly onCacheError: (error: unknown) => void;
}

export interface Submitted extends Booking {
  readonly readAfter: string;
}

/** Books transfers and carries what they changed into the caches before it answers. */
export class Submit {
  readonly #args: SubmitArgs;

  constructor(args: SubmitArgs) {
    this.#args = args;
  }

  /** @throws Problem as the ledger does. */
  async run(request: TransferRequest): Promise<Submitted> {
    // What is put into the caches was current when the booking was made, not when its answer came.
    const asked = Date.now();
    const booking = await this.#book(request);
    const changes = changesOf(request, booking);
    await (booking.replayed ? this.supersede(changes) : this.#carry(request, booking, changes, asked));
    return { ...booking, readAfter: formatReadAfter({ lsn: booking.lsn, versions: new Map(changes) }) };
  }

  /** Marks accounts of which only the versions are known, for all instances. */
  async supersede(changes: readonly Change[]): Promise<void> {
    await this.#shareOrAnnounce(
      changes,
      changes.map(([address, version]) =>
        this.#args.coherence.supersede(
          [accountKey("balance", address), accountKey("detail", address), accountKey("history", address)],
          version,
        ),
      ),
    );
  }

  async #book(request: TransferRequest): Promise<Booking> {
    const { from, to, amount, nonce, nftId } = request;
    const canonical = JSON.stringify([from, to, amount, nonce, nftId ?? null]);
    const requestHash = createHash("sha256").update(canonical).digest();
    try {
      return await this.#args.ledger.transfer({ ...request, requestHash });
    } catch (error) {
      if (error instanceof Problem && error.code === "commit_unknown") this.#args.unsettled.add([from, to]);
      throw error;
    }
  }

  async #carry(
    request: TransferRequest,
    booking: Booking,
    changes: readonly Change[],
    asked: number,
  ): Promise<void> {
    const transaction: HistoryTransaction = {
      id: booking.tx_id,
      hash: booking.tx_hash,
      from: request.from,
      to: request.to,
      amount: request.amount,
      type: "transfer",
      ...chainState(booking.block_height, booking.sealed_height),
      timestamp: booking.created_at.getTime(),
      created_at: booking.created_at.toISOString(),
    };
    const balances = new Map([
      [request.to, booking.to_balance],
      [request.from, booking.from_balance],
    ]);
    await this.#shareOrAnnounce(
      changes,
      changes.flatMap(([address, version]) => [
        this.#putBalance(address, balances.get(address) ?? 0, version, asked),
        this.#putHistory(address, transaction, booking.block_height, version, asked),
        this.#args.coherence.supersede([accountKey("detail", address)], version),
      ]),
    );
  }

  async #putBalance(address: string, balance: number, version: number, readAt: number): Promise<void> {
    const { cache, balances, coherence } = this.#args;
    const content = balances.written(address, balance, version, readAt);
    const source = balances.balance(address);
    coherence.raise(source.key, version);
    cache.keep(source, content);
    await this.#put(source, content);
  }

  async #putHistory(
    address: string,
    transaction: HistoryTransaction,
    height: number,
    version: number,
    readAt: number,
  ): Promise<void> {
    const { shared, histories, coherence } = this.#args;
    const key = accountKey("history", address);
    coherence.raise(key, version);
    const before = await shared.get(key);
    // Only the very next version of a page is known to be that page and this transaction.
    if (before?.kind !== "value" || before.version !== version - 1) {
      await coherence.supersede([key], version);
      return;
    }
    // Statuses on the page are as of its own tip; a page that the tip has overtaken is read anew.
    await this.#put(histories.head(address), prepend(before, transaction, height, version, readAt));
  }

  /** Puts what this process wrote; where something stands in the way that lacks it, marks that as old. */
  async #put(source: Source, content: Loaded): Promise<void> {
    const { cache, coherence } = this.#args;
    const other = await cache.put(source, content, 1);
    if (other && other.version < content.version) await coherence.supersede([source.key], content.version);
  }

  /** Through the shared cache and the instances' channel; where those fail, through the database. */
  async #shareOrAnnounce(changes: readonly Change[], work: readonly Promise<void>[]): Promise<void> {
    const { peers, ledger, onCacheError } = this.#args;
    const results = await Promise.allSettled([...work, peers.tellChanged(changes)]);
    const failed = results.find((result) => result.status === "rejected");
    if (!failed) return;
    onCacheError(failed.reason);
    await ledger.announce(changes).catch((error: unknown) => {
      onCacheError(error);
      this.#args.unsettled.add(changes.map(([address]) => address));
    });
  }
}

function changesOf({ from, to }: TransferRequest, booking: Booking): Change[] {
  const sender: Change = [from, booking.from_version];
  return from === to ? [sender] : [sender, [to, booking.to_version]];
}
