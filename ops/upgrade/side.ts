import { Failure } from "../../tools/failure.ts";
import { mustRun } from "../../tools/process.ts";

/** The ledger's database, on either side. */
export const DATABASE = "dujyo_blockchain";

/** Statements that copy or compare a whole ledger take hours, none takes longer than a day. */
const LONGEST_MS = 86_400_000;

/** Values and rows look the same whatever a server's own settings are. */
const FORMAT =
  "SET timezone = 'UTC'; SET datestyle = 'ISO'; SET intervalstyle = 'iso_8601'; SET bytea_output = 'hex'; " +
  "SET extra_float_digits = 1; SET statement_timeout = 0; SET lock_timeout = '10s';\n";

/** The leader of one of two clusters between which a ledger moves. */
export class Side {
  readonly name: string;
  /** Connection string under which the other side's leader reaches this one, without a password. */
  readonly address: string;
  readonly #prefix: readonly string[];

  /**
   * @param inside what runs a program inside the leader with its standard input, words separated by blanks:
   *   `kubectl --namespace dujyo-prod exec --stdin postgres-0 --container postgres --`
   */
  constructor(name: string, inside: string, address: string) {
    this.name = name;
    this.address = address;
    this.#prefix = inside.split(" ").filter((word) => word !== "");
  }

  /** Runs statements as the superuser, each in a transaction of its own. @throws Failure with what the server says */
  async run(sql: string, database = DATABASE): Promise<void> {
    await this.#psql(FORMAT + sql, database);
  }

  /** Rows of one query. */
  async rows<Row>(query: string, database = DATABASE): Promise<Row[]> {
    const sql = `${FORMAT}SELECT coalesce(json_agg(r), '[]') FROM (${query}) AS r`;
    const answer = await this.#psql(sql, database);
    if (!answer.startsWith("["))
      throw new Failure(
        `${this.name}: "${this.#prefix.join(" ")}" ran no psql in its leader; it said ${JSON.stringify(answer)}.`,
      );
    return JSON.parse(answer) as Row[];
  }

  /** The one row of a query. */
  async row<Row>(query: string, database = DATABASE): Promise<Row> {
    const [row] = await this.rows<Row>(query, database);
    if (row === undefined) throw new Failure(`${this.name}: no row from ${query}`);
    return row;
  }

  /** Runs a shell script inside the leader. The arguments are its `$1`, `$2`... */
  async shell(script: string, ...args: readonly string[]): Promise<void> {
    await this.#inside(["sh", "-euc", script, "upgrade", ...args], "");
  }

  #psql(sql: string, database: string): Promise<string> {
    const options = ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"];
    return this.#inside(["psql", ...options, "--username=postgres", `--dbname=${database}`], sql);
  }

  #inside(command: readonly string[], input: string): Promise<string> {
    const [program = "", ...rest] = this.#prefix;
    return mustRun(program, [...rest, ...command], { input, timeout: LONGEST_MS });
  }
}

/** A value in SQL. */
export function literal(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}
