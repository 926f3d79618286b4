import { readFileSync } from "node:fs";
import { readConfig } from "../../../service/src/config.ts";
import { PipelinedLane } from "../../../service/src/database/pipelined-lane.ts";
import { BoundedPool } from "../../../service/src/database/pools.ts";
import { PoolLane } from "../../../service/src/database/read-lane.ts";
import { drive } from "./drive.ts";

/** Reads balances through one of the service's read lanes: `LANE` names it, `ADDRESSES` a file with one account a line. */
const { database } = readConfig();
const { reader: login, readerPool, connectTimeoutMs, queryTimeoutMs } = database;
const common = { login, name: "bench", connectTimeoutMs, queryTimeoutMs };
const pool = new BoundedPool({ ...common, limits: readerPool, onError: () => undefined });
const lane = new (process.env.LANE === "pipelined" ? PipelinedLane : PoolLane)(pool, queryTimeoutMs);
const addresses = readFileSync(process.env.ADDRESSES ?? "", "utf8")
  .trim()
  .split("\n");
const statement = { name: "bench", text: "SELECT balance, version FROM balances WHERE address = $1" };

await drive(
  (number) => lane.query(statement, [addresses[number % addresses.length]]),
  Number(process.env.IN_FLIGHT),
);
