import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Client } from "pg";
import { ROOT } from "../../tools/layout.ts";
import type { Connection } from "../connection.ts";
import { sessionOptions, withSession } from "../postgres/session.ts";

/** An answer of the database, as it is printed. */
export interface ReportTable {
  /** What it is about; the title of its first column. */
  readonly title: string;
  readonly description: string;
  readonly columns: readonly string[];
  /** Cells as the database writes them; empty where it has none. */
  readonly rows: readonly (readonly string[])[];
}

/** A statement of the report's SQL, with the remark above it. */
export interface Statement {
  readonly description: string;
  readonly text: string;
}

/** The same file runs under `psql -f`. */
const FILE = join(ROOT, "ops/sql/performance-report.sql");

/** Title of the answer that is about one member alone and means something only if all members say the same. */
const UNUSED = "index without a scan";

/** Parts a script of plain statements, each of which ends with a line that ends with a semicolon. */
export function parseStatements(script: string): Statement[] {
  const found: Statement[] = [];
  let remark: string[] = [];
  let body: string[] = [];
  for (const line of script.split("\n")) {
    if (body.length === 0 && line.startsWith("--")) remark.push(line.replace(/^--\s?/, ""));
    // A remark that stands alone is about the file.
    else if (body.length === 0 && line.trim() === "") remark = [];
    else body.push(line);
    if (body.length > 0 && line.trimEnd().endsWith(";")) {
      found.push({ description: remark.join(" "), text: body.join("\n") });
      remark = [];
      body = [];
    }
  }
  return found;
}

/** Runs the report's SQL on the leader, and asks the other members, too, which indexes they have no use for. */
export async function readTables(connection: Connection, leader: string): Promise<ReportTable[]> {
  const statements = parseStatements(readFileSync(FILE, "utf8"));
  const members = connection.postgres.map((address) => ({
    name: address.host,
    options: sessionOptions(connection, address, "monitoring"),
  }));
  const first = members.find(({ name }) => name === leader) ?? members[0];
  if (!first) return [];
  const tables = await withSession(first.options, async (client) => {
    const found: ReportTable[] = [];
    for (const statement of statements) found.push(await ask(client, statement));
    return found;
  });
  const unused = statements[tables.findIndex(({ title }) => title === UNUSED)];
  if (!unused) return tables;
  const others = await Promise.all(
    members
      .filter((member) => member !== first)
      .map(({ options }) => withSession(options, (client) => ask(client, unused)).catch(() => undefined)),
  );
  return tables.map((table) => (table.title === UNUSED ? unusedEverywhere(table, others) : table));
}

/** Leaves the indexes that no member has scanned. @param others undefined for a member that did not answer */
export function unusedEverywhere(
  table: ReportTable,
  others: readonly (ReportTable | undefined)[],
): ReportTable {
  const answered = others.filter((other) => other !== undefined);
  const silent = others.length - answered.length;
  const rows = table.rows.filter(([index]) =>
    answered.every((other) => other.rows.some(([name]) => name === index)),
  );
  const warning = silent > 0 ? ` ${silent} members did not answer: drop nothing on this alone.` : "";
  return {
    ...table,
    description: `Never used since the counters began, on ${answered.length + 1} of ${others.length + 1} members; unique ones are left out.${warning}`,
    rows,
  };
}

async function ask(client: Client, { text, description }: Statement): Promise<ReportTable> {
  const result = await client.query<(string | null)[]>({ text, rowMode: "array", types: AS_WRITTEN });
  const columns = result.fields.map(({ name }) => name);
  return {
    title: columns[0] ?? "",
    description,
    columns,
    rows: result.rows.map((row) => row.map((cell) => cell ?? "")),
  };
}

/** Values stay the texts that the server sends: numbers keep their digits and times their zone. */
const AS_WRITTEN = { getTypeParser: () => (value: unknown) => value };
