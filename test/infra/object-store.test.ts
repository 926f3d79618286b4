import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { explainSettings } from "../../infra/settings/explain.ts";
import { storeAddress } from "../../infra/settings/object-store.ts";
import { parseSettings } from "../../infra/settings/parse.ts";
import { keysThatDiffer, parseStackFile } from "../../infra/settings/stack-file.ts";
import { problemsIn, problemsOf } from "../support/settings-problems.ts";

const STORE = { endpoint: "https://objects.example:9000", bucket: "ledger" };
const SECRETS = { key: "AKEYOFSOMEBODY", keySecret: "0123456789abcdefghij" };
const given = (s3: object, backupSecrets: object = SECRETS) => ({
  backup: { enabled: true, s3: { ...STORE, ...s3 } },
  backupSecrets,
});

describe("a repository in a bucket", () => {
  it("is taken with its keys, encrypted or as the program gets them", () => {
    expect(problemsOf(given({}))).toEqual({});
    expect(problemsOf(given({}, { key: { secure: "v1:a" }, keySecret: { secure: "v1:b" } }))).toEqual({});
    expect(storeAddress(STORE)).toEqual({ host: "objects.example", port: 9000 });
    expect(storeAddress({ endpoint: "https://s3.amazonaws.com" }).port).toBe(443);
  });

  it.each([
    "http://objects.example",
    "objects.example:9000",
    "https://objects.example/path",
    "https://",
  ])("is refused at %s, where no TLS is spoken or no store can be", (endpoint) => {
    const reason = problemsOf(given({ endpoint }))["backup.s3.endpoint"];
    expect(reason).toMatch(/^is ".*"; use an address such as "https:.*nothing but TLS is spoken$/);
  });

  it("is refused at an address with a user in it, which is not shown", () => {
    const problems = problemsOf(given({ endpoint: "https://me:open-sesame@objects.example" }));
    expect(problems["backup.s3.endpoint"]).toMatch(/^has a user in it; use an address/);
    expect(JSON.stringify(problems)).not.toContain("open-sesame");
  });

  it("is refused without its keys, with the command that sets each", () => {
    const problems = problemsOf(given({}, {}));
    expect(Object.keys(problems)).toEqual(["backupSecrets.key", "backupSecrets.keySecret"]);
    expect(problems["backupSecrets.keySecret"]).toMatch(
      /^is missing.*"npm run connect".*: pulumi config set --secret --path 'dujyo:backupSecrets.keySecret'$/,
    );
  });

  it.each([
    ["a weak key", { keySecret: "open-sesame" }, "backupSecrets.keySecret", /^is a weak key, 11 characters/],
    ["a key of two lines", { keySecret: "0123456789\nabcdefghij" }, "backupSecrets.keySecret", /line break/],
    [
      "a secret that it does not know",
      { token: "some-token" },
      "backupSecrets.token",
      /^is none of .*rm --path/,
    ],
  ])("is refused with %s, which is not shown", (_, secrets, path, reason) => {
    const problems = problemsOf(given({}, { ...SECRETS, ...secrets }));
    expect(Object.keys(problems)).toEqual([path]);
    expect(problems[path]).toMatch(reason);
    for (const secret of Object.values(secrets)) expect(JSON.stringify(problems)).not.toContain(secret);
  });

  it.each([
    ["without a bucket", { bucket: "" }, "backup.s3.bucket", /^is missing/],
    [
      "with a name that no bucket has",
      { bucket: "Ledger" },
      "backup.s3.bucket",
      /^is "Ledger"; use a bucket's name/,
    ],
    [
      "with dots in front of the endpoint",
      { bucket: "a.b.c" },
      "backup.s3.uriStyle",
      /dots of "a.b.c"; use path/,
    ],
    ["at a path that is none", { path: "here" }, "backup.s3.path", /^is "here"; use a path such as/],
    [
      "with a root that is no certificate",
      { rootCertificate: "mine" },
      "backup.s3.rootCertificate",
      /PEM text/,
    ],
  ])("is refused %s", (_, s3, path, reason) => {
    expect(problemsOf(given(s3))[path]).toMatch(reason);
  });

  it("is refused where no backups are taken, and keys without a store", () => {
    expect(problemsOf({ ...given({}), backup: { s3: STORE } })["backup.s3.endpoint"]).toMatch(
      /^is set, and no backups are taken/,
    );
    const needless = problemsOf({ backup: { s3: { bucket: "ledger" } }, backupSecrets: SECRETS });
    expect(Object.keys(needless)).toEqual([
      "backup.s3.bucket",
      "backupSecrets.key",
      "backupSecrets.keySecret",
    ]);
    expect(needless["backupSecrets.key"]).toMatch(/^opens no store.*pulumi config rm --path/);
  });

  it("keeps its keys out of the stack file unencrypted, and out of what explain tells", () => {
    const file = stringify({
      config: {
        "dujyo:backup": { enabled: true, s3: STORE },
        "dujyo:backupSecrets": { ...SECRETS, key: { secure: "v1:a" } },
      },
    });
    const problems = problemsIn(() => parseStackFile("dev", file));
    expect(Object.keys(problems)).toEqual(["backupSecrets.keySecret"]);
    expect(problems["backupSecrets.keySecret"]).toContain("stands in the stack file unencrypted");
    const told = explainSettings(parseSettings("dev", given({})), given({}));
    expect(told.find(({ path }) => path === "backupSecrets")?.value).toEqual([
      "key: (secret)",
      "keySecret: (secret)",
    ]);
    expect(JSON.stringify(told)).not.toContain(SECRETS.keySecret);
  });

  it("is no difference between the stack file and the engine's copy, which alone has the keys", () => {
    expect(keysThatDiffer("config: {}", { backupSecrets: JSON.stringify(SECRETS) })).toEqual([]);
  });
});
