import * as pulumi from "@pulumi/pulumi";

/** Ten years: a stack's own root is replaced by a planned rotation, never by running out. */
const AUTHORITY_DAYS = 3650;
/** Long enough that a stack which nobody touches for a year still runs; below the 398 days of public authorities. */
const LEAF_DAYS = 397;
/** A deployment renews a leaf with less time left than this: a month before an alert asks for one. */
const RENEWAL_DAYS = 60;

interface CertificateRequest {
  readonly commonName: string;
  readonly days: number;
  /** Names of a leaf; absent for an authority, which signs itself. */
  readonly names?: readonly string[];
  readonly authorityCertificate?: string;
  readonly authorityKey?: string;
}

/**
 * Makes an ECDSA P-256 key and its certificate. Serialised into the state together with the providers below and run by the
 * engine's dynamic provider, so it loads what it needs itself.
 */
async function issue(request: CertificateRequest): Promise<{ certificate: string; privateKey: string }> {
  require("reflect-metadata");
  const x509 = require("@peculiar/x509") as typeof import("@peculiar/x509");
  const { randomBytes, webcrypto } = process.getBuiltinModule("node:crypto");
  const { isIP } = process.getBuiltinModule("node:net");
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const { publicKey, privateKey } = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const authority = request.authorityCertificate
    ? new x509.X509Certificate(request.authorityCertificate)
    : undefined;
  const signingKey = request.authorityKey
    ? await webcrypto.subtle.importKey(
        "pkcs8",
        x509.PemConverter.decodeFirst(request.authorityKey),
        algorithm,
        false,
        ["sign"],
      )
    : privateKey;
  const { cRLSign, digitalSignature, keyCertSign } = x509.KeyUsageFlags;
  const role = authority
    ? [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(digitalSignature, true),
        // Members of every engine here are servers and clients of each other.
        new x509.ExtendedKeyUsageExtension([
          x509.ExtendedKeyUsage.serverAuth,
          x509.ExtendedKeyUsage.clientAuth,
        ]),
        new x509.SubjectAlternativeNameExtension(
          (request.names ?? []).map((value) => ({ type: isIP(value) ? "ip" : "dns", value })),
        ),
        await x509.AuthorityKeyIdentifierExtension.create(authority.publicKey),
      ]
    : [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(keyCertSign | cRLSign, true),
      ];
  const now = Date.now();
  const certificate = await x509.X509CertificateGenerator.create({
    // Positive and of full length, as the standard asks.
    serialNumber: `4${randomBytes(16).toString("hex").slice(1)}`,
    subject: `CN=${request.commonName}`,
    issuer: authority?.subject ?? `CN=${request.commonName}`,
    // An hour back, for members whose clock is a little behind.
    notBefore: new Date(now - 3_600_000),
    notAfter: new Date(now + request.days * 86_400_000),
    signingAlgorithm: algorithm,
    publicKey,
    signingKey,
    extensions: [...role, await x509.SubjectKeyIdentifierExtension.create(publicKey)],
  });
  const pkcs8 = await webcrypto.subtle.exportKey("pkcs8", privateKey);
  return {
    certificate: certificate.toString("pem"),
    privateKey: x509.PemConverter.encode(pkcs8, "PRIVATE KEY"),
  };
}

/** A certificate with its key, both PEM. */
interface KeyPair {
  readonly certificate: string;
  readonly privateKey: string;
}

interface AuthorityInputs extends CertificateRequest {
  /** What it is, where another site has it already. */
  readonly adopted?: KeyPair;
}

const authorityProvider: pulumi.dynamic.ResourceProvider = {
  async create({ adopted, ...inputs }: AuthorityInputs) {
    const { randomUUID } = process.getBuiltinModule("node:crypto");
    return { id: randomUUID(), outs: { ...inputs, ...(adopted ?? (await issue(inputs))) } };
  },
  async diff() {
    return { changes: false };
  },
};

/** Exported for its tests. */
export const leafProvider: pulumi.dynamic.ResourceProvider = {
  async create(inputs: CertificateRequest) {
    const { randomUUID } = process.getBuiltinModule("node:crypto");
    return { id: randomUUID(), outs: { ...inputs, ...(await issue(inputs)) } };
  },
  async diff(_id: string, olds: CertificateRequest & { certificate: string }, news: CertificateRequest) {
    const { X509Certificate } = process.getBuiltinModule("node:crypto");
    const left = Date.parse(new X509Certificate(olds.certificate).validTo) - Date.now();
    const same =
      left > RENEWAL_DAYS * 86_400_000 &&
      olds.commonName === news.commonName &&
      olds.authorityCertificate === news.authorityCertificate &&
      JSON.stringify(olds.names) === JSON.stringify(news.names);
    return same ? { changes: false } : { changes: true, replaces: ["names"] };
  },
};

/** The root of one trust domain. Its key is in the state, and where sites share the domain in the state of each. */
export class CertificateAuthority extends pulumi.dynamic.Resource {
  /** The root certificate, PEM. */
  declare readonly certificate: pulumi.Output<string>;
  /** The root's key, PKCS #8 PEM; a Pulumi secret. */
  declare readonly privateKey: pulumi.Output<string>;

  constructor(
    name: string,
    args: { readonly commonName: string; readonly adopted?: KeyPair },
    opts?: pulumi.CustomResourceOptions,
  ) {
    super(
      authorityProvider,
      name,
      {
        commonName: args.commonName,
        adopted: args.adopted && pulumi.secret(args.adopted),
        days: AUTHORITY_DAYS,
        certificate: undefined,
        privateKey: undefined,
      },
      { ...opts, additionalSecretOutputs: ["privateKey"] },
      "secrets",
      "CertificateAuthority",
    );
  }
}

export interface CertificateArgs {
  /** Who signs. */
  readonly authority: CertificateAuthority;
  /** Subject common name: the identity that the peer's log shows. */
  readonly commonName: string;
  /** DNS names and addresses it stands for; `localhost` and 127.0.0.1 are added to them. */
  readonly names: readonly string[];
}

/**
 * A key and its certificate for server and client use, signed by an authority of the stack. It lives for 397 days; a
 * deployment in its last 60 replaces it.
 */
export class Certificate extends pulumi.dynamic.Resource {
  /** The certificate, PEM. */
  declare readonly certificate: pulumi.Output<string>;
  /** Its key, PKCS #8 PEM; a Pulumi secret. */
  declare readonly privateKey: pulumi.Output<string>;

  constructor(name: string, args: CertificateArgs, opts?: pulumi.CustomResourceOptions) {
    super(
      leafProvider,
      name,
      {
        commonName: args.commonName,
        names: [...args.names, "localhost", "127.0.0.1"],
        days: LEAF_DAYS,
        authorityCertificate: args.authority.certificate,
        authorityKey: args.authority.privateKey,
        certificate: undefined,
        privateKey: undefined,
      },
      { ...opts, additionalSecretOutputs: ["privateKey", "authorityKey"] },
      "secrets",
      "Certificate",
    );
  }
}
