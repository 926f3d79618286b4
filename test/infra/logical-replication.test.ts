import { expect, it } from "vitest";
import { parse } from "yaml";
import { ofType, plain } from "../support/mocks.ts";
import { wholeProgram } from "../support/whole-program.ts";

/** The whole graph takes a second or two to record, and many times that on a busy machine. */
const RECORDING_MS = 60_000;

interface Upload {
  readonly file: string;
  readonly content: string;
}

/** What the cluster shares, as Patroni reads it. */
async function dynamicConfiguration(logicalReplication: boolean) {
  const { registered } = await wholeProgram("light", { postgres: { logicalReplication } });
  const settle = ofType(registered, "docker:index/container:Container").get("postgres-settle-files");
  const uploads = plain(settle?.uploads) as Upload[];
  return parse(uploads.find(({ file }) => file.endsWith("/dynamic.yml"))?.content ?? "") as {
    readonly ignore_slots?: unknown;
    readonly postgresql: { readonly parameters: Readonly<Record<string, unknown>> };
  };
}

it(
  "writes what another version can follow, and leaves its slots alone, where that is asked for",
  async () => {
    const asked = await dynamicConfiguration(true);
    expect(asked.postgresql.parameters.wal_level).toBe("logical");
    expect(asked.ignore_slots).toEqual([
      { type: "logical", plugin: "pgoutput", database: "dujyo_blockchain" },
    ]);
    const unasked = await dynamicConfiguration(false);
    expect(unasked.postgresql.parameters.wal_level).toBe("replica");
    expect(unasked).not.toHaveProperty("ignore_slots");
  },
  RECORDING_MS,
);
