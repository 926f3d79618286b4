import { createHash } from "node:crypto";
import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { FILES_PATH, type FileSpec } from "../../target.ts";
import { Generation } from "./generation.ts";

/** How a pod gets its workload's files. */
export interface Files {
  /** What to depend on. By `dependsOn` alone: an input made of it would replace its users with it. */
  readonly secrets: readonly pulumi.Resource[];
  /** SHA-256 over the files that all share; not a secret. A change of it restarts the members. */
  readonly digest: pulumi.Output<string>;
  /** What does the same for the files that members have for themselves; absent where they have none. */
  readonly generation?: pulumi.Output<string>;
  readonly volumes: readonly kubernetes.types.input.core.v1.Volume[];
  readonly mount: kubernetes.types.input.core.v1.VolumeMount;
  /** Where the files that all members share lie before the first container has put them together with a member's own. */
  readonly sources: readonly kubernetes.types.input.core.v1.VolumeMount[];
}

/** Files of a workload, and those that each member has for itself, by the member's name. */
export interface FilesArgs {
  readonly name: string;
  readonly namespace: string;
  readonly labels: Record<string, pulumi.Input<string>>;
  readonly shared: readonly FileSpec[];
  readonly own: Readonly<Record<string, readonly FileSpec[]>>;
  /** Name of the pod's volume that holds them. @default "files" */
  readonly volume?: string;
}

/** Key of a file in its Secret: those know no slash. */
export function key(path: string): string {
  return path.replaceAll("/", "__");
}

export function filesDigest(files: readonly FileSpec[]): pulumi.Output<string> {
  const digest = pulumi.all(files.map((file) => file.content)).apply((contents) => {
    const hash = createHash("sha256");
    for (const [index, text] of contents.entries()) hash.update(`${files[index]?.path}\0${text}\0`);
    return hash.digest("hex");
  });
  // The digest of random keys tells nothing about them, and an annotation has to be comparable at preview.
  return pulumi.unsecret(digest);
}

function secret(
  name: string,
  { namespace, labels }: FilesArgs,
  entries: readonly (readonly [string, pulumi.Input<string>])[],
  opts: pulumi.CustomResourceOptions,
): kubernetes.core.v1.Secret {
  const encoded = entries.map(
    ([path, content]) =>
      [
        key(path),
        pulumi.secret(pulumi.output(content).apply((text) => Buffer.from(text).toString("base64"))),
      ] as const,
  );
  return new kubernetes.core.v1.Secret(
    name,
    { metadata: { name, namespace, labels }, type: "Opaque", data: Object.fromEntries(encoded) },
    opts,
  );
}

/** Bytes of text in one Secret: what is written into its annotations when it is applied has to stay below 256 KiB. */
const SECRET_BYTES = 100 * 2 ** 10;

/** The files in as few Secrets as hold them. The length of a generated text is unknown; those are short. */
function portions(files: readonly FileSpec[]): FileSpec[][] {
  const portions: FileSpec[][] = [[]];
  let room = SECRET_BYTES;
  for (const file of files) {
    const length = typeof file.content === "string" ? file.content.length : 0;
    if (length > room) {
      portions.push([]);
      room = SECRET_BYTES;
    }
    portions.at(-1)?.push(file);
    room -= length;
  }
  return portions;
}

/** Readable by the group that every container has, and by nobody else. */
const MODE = 0o440;

/**
 * Puts files into Secrets. All of them, whatever is in them: a file that holds a password stands beside one that does not.
 * Where members have files of their own, {@link ARRANGE} puts both together before a member starts, so that the list of
 * members is no part of the pod and one more of them restarts none.
 */
export function createFiles(args: FilesArgs, opts: pulumi.CustomResourceOptions): Files {
  const { name, shared, volume = "files" } = args;
  const sharedName = `${name}-files`;
  const parts = portions(shared).map((files, index) => ({
    secretName: index === 0 ? sharedName : `${sharedName}-${index}`,
    files,
  }));
  const secrets = parts.map(({ secretName, files }) =>
    secret(
      secretName,
      args,
      files.map(({ path, content }) => [path, content]),
      opts,
    ),
  );
  const together = (volumeName: string) => ({
    name: volumeName,
    projected: {
      defaultMode: MODE,
      sources: parts.map(({ secretName, files }) => ({
        secret: { name: secretName, items: files.map(({ path }) => ({ key: key(path), path })) },
      })),
    },
  });
  if (Object.values(args.own).every((files) => files.length === 0))
    return {
      secrets,
      digest: filesDigest(shared),
      volumes: [together(volume)],
      mount: { name: volume, mountPath: FILES_PATH, readOnly: true },
      sources: [],
    };
  const ownName = `${name}-member-files`;
  const own = Object.entries(args.own).flatMap(([member, files]) =>
    files.map(({ path, content }) => [`${member}__${path}`, content] as const),
  );
  return {
    secrets: [...secrets, secret(ownName, args, own, opts)],
    digest: filesDigest(shared),
    generation: new Generation(
      ownName,
      {
        digests: Object.fromEntries(
          Object.entries(args.own).map(([member, files]) => [member, filesDigest(files)]),
        ),
      },
      { parent: opts.parent },
    ).value,
    volumes: [
      together("shared-files"),
      { name: "member-files", secret: { secretName: ownName, defaultMode: MODE } },
      { name: "files", emptyDir: { medium: "Memory", sizeLimit: "4Mi" } },
    ],
    mount: { name: "files", mountPath: FILES_PATH, readOnly: true },
    sources: [
      { name: "shared-files", mountPath: "/files/shared", readOnly: true },
      { name: "member-files", mountPath: "/files/members", readOnly: true },
      { name: "files", mountPath: FILES_PATH },
    ],
  };
}

/** Copies the files that all share, then the member's own. A key's owner has to be the only one who may read it. */
export const ARRANGE = `set -eu
umask 077
cp -RL /files/shared/* ${FILES_PATH}/
for file in /files/members/"$HOSTNAME"__*; do
  path=$(basename "$file" | sed "s/^\${HOSTNAME}__//; s|__|/|g")
  mkdir -p "$(dirname "${FILES_PATH}/$path")"
  cp -L "$file" "${FILES_PATH}/$path"
done
find ${FILES_PATH} -type f -exec chmod 0600 {} +
`;
