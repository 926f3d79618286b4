import { describe, expect, it } from "vitest";
import { plain } from "../support/mocks.ts";
import { objectsOf, wholeProgram } from "../support/whole-program.ts";

const ACCESS = { allowedCidrs: ["198.51.100.0/24", "203.0.113.7/32"], adminCidrs: ["192.0.2.0/28"] };

/** Every file that any container gets, by its path. */
function filesOf(registered: Awaited<ReturnType<typeof wholeProgram>>["registered"]): string {
  return registered.map(({ inputs }) => JSON.stringify(plain(inputs))).join("\n");
}

/** What Secrets on Kubernetes hold. */
function secretsOf(registered: Awaited<ReturnType<typeof wholeProgram>>["registered"]): string {
  return objectsOf(registered)
    .filter(({ kind }) => kind === "Secret")
    .flatMap((secret) => Object.values((secret as unknown as { data?: Record<string, string> }).data ?? {}))
    .map((text) => Buffer.from(text, "base64").toString())
    .join("\n");
}

describe("access", () => {
  it("is what every listener on Docker asks for that can", async () => {
    const { registered } = await wholeProgram("light", { access: ACCESS });
    const files = filesOf(registered);
    const peers = "172.30.19.0/24";
    const pooled = "dujyo_app,dujyo_readonly,monitoring";
    for (const line of [
      // HAProxy's two endpoints, the gateway, PgBouncer, the members.
      `reject unless { src ${peers} 198.51.100.0/24 203.0.113.7/32 }`,
      `reject unless { src ${peers} }`,
      "deny status 403 if admin_route !{ src 172.30.19.1/32 192.0.2.0/28 }",
      `hostssl all ${pooled} ${peers} scram-sha-256\\nhostssl all ${pooled} 198.51.100.0/24 scram-sha-256`,
      "hostssl dujyo_blockchain dujyo_user,dujyo_app,dujyo_readonly,monitoring 203.0.113.7/32 scram-sha-256",
    ])
      expect(files).toContain(line);
  });

  it("is given on Kubernetes to whom a port is forwarded: at the endpoints, the pooler, the members", async () => {
    const files = secretsOf((await wholeProgram("ci")).registered);
    for (const line of [
      "reject unless { src 10.244.0.0/16 127.0.0.1/32 }",
      "hostssl all dujyo_app,dujyo_readonly,monitoring 127.0.0.1/32 scram-sha-256",
      "hostssl dujyo_blockchain dujyo_user,dujyo_app,dujyo_readonly,monitoring 127.0.0.1/32 scram-sha-256",
    ])
      expect(files).toContain(line);
    expect(files).not.toMatch(/hostssl .*(postgres|dujyo_repl|dujyo_rewind|pgbouncer) 127\.0\.0\.1/);
  });

  it("is given to the other site at the writer endpoint alone, wherever its pods are", async () => {
    const otherSite = { host: "db.eu.example.com", network: "10.1.0.0/16" };
    const files = secretsOf((await wholeProgram("ci", { postgres: { otherSite } })).registered);
    const [, writer, reader] = /frontend writer([\s\S]*)frontend reader([\s\S]*)/.exec(files) ?? [];
    expect(writer).toContain("reject unless { src 10.244.0.0/16 127.0.0.1/32 10.1.0.0/16 }");
    expect(reader).toContain("reject unless { src 10.244.0.0/16 127.0.0.1/32 }");
  });

  it("gives the admin routes an Ingress of their own where operators have networks", async () => {
    const entries = async (access: typeof ACCESS | { adminCidrs: string[] }) => {
      const { registered } = await wholeProgram("staging", { access });
      return objectsOf(registered)
        .filter(({ kind }) => kind === "Ingress")
        .map(({ metadata, spec }) => ({
          name: metadata?.name,
          networks: (metadata as { annotations?: Record<string, string> } | undefined)?.annotations?.[
            "nginx.ingress.kubernetes.io/whitelist-source-range"
          ],
          path: (spec as { rules: { http: { paths: { path: string }[] } }[] }).rules[0]?.http.paths[0]?.path,
        }));
    };
    const all = { name: "api", networks: undefined, path: "/" };
    expect(await entries({ adminCidrs: [] })).toEqual([all]);
    expect(await entries(ACCESS)).toEqual([
      all,
      { name: "api-admin", networks: "192.0.2.0/28", path: "/admin" },
    ]);
  });
});
