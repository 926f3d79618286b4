import { KNEE, SHARE_OF_KNEE } from "../comparisons/whole-stack.ts";
import type { Result } from "../report.ts";
import { summarize } from "../statistics.ts";
import {
  BYTES,
  type Capacity,
  capacityOf,
  need,
  PEAK,
  READS_PER_WRITE,
  TRANSFERS_A_DAY,
  type Usage,
} from "./figures.ts";

/** From the first day to a hundred million accounts. */
const GROWTH: readonly Usage[] = [
  { accounts: 100_000, dailyUsers: 10_000 },
  { accounts: 1_000_000, dailyUsers: 100_000 },
  { accounts: 10_000_000, dailyUsers: 1_000_000 },
  { accounts: 30_000_000, dailyUsers: 3_000_000 },
  { accounts: 100_000_000, dailyUsers: 10_000_000 },
];

/** The page `docs/capacity.md`, from the run of p9. */
export function capacityPage(result: Result): string {
  const capacity = capacityOf(result);
  const knee = (name: string) => {
    const { median, q1, q3 } = summarize(
      result.rounds.map(({ samples }) => samples[name]?.perSecond ?? Number.NaN),
    );
    return `${whole(median)} (${whole(q1)} to ${whole(q3)})`;
  };
  const { machine, loadAverage } = result;
  return `# Capacity

Written by \`npm run bench -- p9\`, from its result; change the text in \`test/bench/capacity/page.ts\`.

## What was measured

The whole stack and its load generator together on ${machine.cores} cores (${machine.processor}), ${result.started.slice(0, 10)}, load average
${loadAverage.before} before: one API process behind the gateway, three Redis shards, pooler, router, two PostgreSQL members. What the load is
stands in [benchmarks/report.md](benchmarks/report.md) under p9.

| | requests a second, median (quartiles) |
| --- | --- |
| knee, reads alone | ${knee(KNEE.reads)} |
| knee, one request in ${READS_PER_WRITE + 1} a write | ${knee(KNEE.mixed)} |

The second one, two figures of it rounded down, is what one API process counts for: **${whole(capacity.requestsPerProcess)} requests a second**. A
process with a core for itself carries more: here it shared its core with the others. The number is in \`config/capacity.json\`.

## What follows from it

- The alert [ApiNearCapacity](runbooks/ApiNearCapacity.md) fires when an instance answers more than ${SHARE_OF_KNEE * 100} % of that for 15 minutes,
  times its processes (\`api.workers\`, but no more than \`api.cpus\`). That is where p9 measures its latencies.
- The table below. \`npm run bench -- p9\` on a machine like yours writes alert, file and table anew; a test holds them together.

## Growth

Assumed, not measured: a daily user in ten accounts, ${TRANSFERS_A_DAY} transfers a day each, ${READS_PER_WRITE} reads for each, and a busiest hour of ${PEAK} times the
day's mean. A million daily users are then ${whole(need(GROWTH[2] as Usage, capacity).writesPerSecond)} writes a second. Processes: so many that each stays below ${SHARE_OF_KNEE * 100} % of its
knee, and one more, which may be lost. Bytes: ${whole(BYTES.transfer)} for a transfer and ${BYTES.account} for an account with all indexes, measured on
freshly loaded data; what a year of such days adds to each PostgreSQL member.

| accounts | daily users | writes a second | requests a second | API processes | PostgreSQL after a year |
| --- | --- | --- | --- | --- | --- |
${GROWTH.map((usage) => row(usage, capacity)).join("\n")}

Past a million daily users this is arithmetic, not a measurement: nothing here has run at that size.

## Where one primary ends

Reads grow with processes and replicas. Writes all go through one primary, so these decide when the ledger has to be divided:

- **Writes.** \`npm run bench -- p11\` shows what one primary books with a quorum ("writes, peak"). Divide before the peak of a day
  reaches ${SHARE_OF_KNEE * 100} % of it.
- **Bytes.** A lost member is copied anew and a backup is restored in a time that grows with the table's last column. Divide, or
  take old partitions out, before a restore takes longer than you may be down; \`npm run ops -- backup\` tells how long yours took.

By user (Citus, distributed by address): postings are kept by account already, with their hash partitions; a transfer between two
shards becomes a distributed transaction, and the chain's seal needs an order over all of them. By region: an own ledger for each,
with transfers between them as bookings on both sides. Neither is part of this project.
`;
}

function row(usage: Usage, capacity: Capacity): string {
  const { writesPerSecond, requestsPerSecond, processes, bytes } = need(usage, capacity);
  return `| ${whole(usage.accounts)} | ${whole(usage.dailyUsers)} | ${whole(writesPerSecond)} | ${whole(requestsPerSecond)} | ${processes} | ${whole(bytes / 1e9)} GB |`;
}

function whole(value: number): string {
  return Math.round(value).toLocaleString("en");
}
