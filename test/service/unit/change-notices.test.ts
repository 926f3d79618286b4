import { describe, expect, it } from "vitest";

import { readNotice } from "../../../service/src/database/change-listener.ts";

describe("a notification of changes", () => {
  it.each([
    { t: "balances", k: [["DUa", 3]] },
    {
      t: "dex_pools",
      k: [
        ["DYO_DYS", 1],
        ["DYO_USDC", 2],
      ],
    },
    { t: "token_balances", all: true },
    { t: "blocks", h: 12 },
  ])("is read as the triggers send it: %j", (notice) => {
    expect(readNotice(JSON.stringify(notice))).toEqual(notice);
  });

  it.each([
    "",
    "hello",
    "null",
    "[]",
    '{"t":"users","all":true}',
    '{"t":"balances"}',
    '{"t":"balances","all":1}',
    '{"t":"balances","k":[["DUa"]]}',
    '{"t":"balances","k":[["DUa","3"]]}',
    '{"t":"balances","k":["DUa"]}',
    '{"t":["balances"],"all":true}',
    '{"t":"blocks"}',
  ])("is none: %s", (payload) => {
    expect(readNotice(payload)).toBeUndefined();
  });
});
