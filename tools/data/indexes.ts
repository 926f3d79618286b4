import type { ClientBase } from "pg";

interface Statement {
  readonly drop: string;
  readonly create: string;
}

/**
 * Drops the keys and indexes of the given tables, within the present transaction, and returns the statements that
 * bring them back: sorting once is faster than inserting millions of entries one by one.
 */
export async function dropIndexes(client: ClientBase, tables: readonly string[]): Promise<string[]> {
  const { rows } = await client.query<Statement>(
    `SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) AS drop,
            format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) AS create
     FROM pg_constraint WHERE conrelid = ANY ($1::regclass[]) AND contype IN ('p', 'u')
     UNION ALL
     SELECT format('DROP INDEX %s', i.indexrelid::regclass),
            replace(pg_get_indexdef(i.indexrelid), ' ON ONLY ', ' ON ')
     FROM pg_index i
     WHERE i.indrelid = ANY ($1::regclass[])
       AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid)`,
    [tables],
  );
  for (const { drop } of rows) await client.query(drop);
  return rows.map(({ create }) => create);
}
