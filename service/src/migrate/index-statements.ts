/** A CREATE INDEX statement of a migration. */
export interface IndexStatement {
  readonly name: string;
  readonly table: string;
  readonly unique: boolean;
  /** All that follows the table: method, columns, INCLUDE, WITH, WHERE. */
  readonly definition: string;
}

const STATEMENT = /^CREATE\s+(UNIQUE\s+)?INDEX\s+IF\s+NOT\s+EXISTS\s+(\w+)\s+ON\s+(\w+)\s*([^;]+);/gim;

/**
 * Finds the index statements of a migration file. They have one form, which the folder's rules ask for:
 * `CREATE [UNIQUE] INDEX IF NOT EXISTS name ON table ...;`, at the start of a line.
 */
export function findIndexStatements(sql: string): IndexStatement[] {
  const withoutComments = sql.replace(/--.*$/gm, "");
  return [...withoutComments.matchAll(STATEMENT)].map(
    ([, unique, name = "", table = "", definition = ""]) => ({
      name,
      table,
      unique: unique !== undefined,
      definition: definition.trim(),
    }),
  );
}
