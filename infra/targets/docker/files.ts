import { createHash } from "node:crypto";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { FILES_PATH, type FileSpec } from "../../target.ts";

/** A volume with a workload's files in it. */
export interface Files {
  readonly volume: pulumi.Output<string>;
  /** What to depend on before mounting it. By `dependsOn` alone: an input made of it would replace its users with it. */
  readonly filled: pulumi.Resource;
  /** SHA-256 over the files whose change replaces members; not a secret. */
  readonly digest: pulumi.Output<string>;
  /** The same over those that `member-reload` has read again; undefined where there are none. */
  readonly reloadedDigest: pulumi.Output<string> | undefined;
}

function digestOf(files: readonly FileSpec[]): pulumi.Output<string> {
  const contents = pulumi.all(files.map((file) => file.content));
  const digest = contents.apply((texts) => {
    const hash = createHash("sha256");
    for (const [index, text] of texts.entries()) hash.update(`${files[index]?.path}\0${text}\0`);
    return hash.digest("hex");
  });
  // The digest of random keys tells nothing about them, and labels have to be comparable at preview.
  return pulumi.unsecret(digest);
}

export interface FilesArgs {
  /** Physical name of the volume and of the container that fills it. */
  readonly name: string;
  readonly image: pulumi.Input<string>;
  readonly files: readonly FileSpec[];
  readonly labels: readonly { label: string; value: pulumi.Input<string> }[];
}

/**
 * Puts files into a volume before anything that mounts it starts. A container with a read-only root takes no uploads, and
 * uploads of a container's own would replace it on every change; so a container that is never started carries them. A change
 * replaces that one, which writes into the volume while others have it mounted.
 */
export function createFiles(logical: string, args: FilesArgs, opts: pulumi.CustomResourceOptions): Files {
  const labels = [...args.labels];
  const volume = new docker.Volume(`${logical}-files`, { name: args.name, labels }, opts);
  const carrier = new docker.Container(
    `${logical}-files`,
    {
      name: args.name,
      image: args.image,
      start: false,
      mustRun: false,
      networkMode: "none",
      labels,
      volumes: [{ volumeName: volume.name, containerPath: FILES_PATH }],
      uploads: args.files.map((file) => ({
        file: `${FILES_PATH}/${file.path}`,
        content: pulumi.secret(file.content),
        permissions: "0640",
      })),
    },
    { ...opts, deleteBeforeReplace: true, ignoreChanges: ["image"] },
  );
  const reloaded = args.files.filter(({ delivery }) => delivery === "reload");
  return {
    volume: volume.name,
    filled: carrier,
    digest: digestOf(args.files.filter(({ delivery = "replace" }) => delivery === "replace")),
    reloadedDigest: reloaded.length > 0 ? digestOf(reloaded) : undefined,
  };
}
