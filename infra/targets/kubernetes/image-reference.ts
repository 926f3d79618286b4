import { type ImageName, imageRef } from "../../images.ts";

/**
 * Reference of an image in a registry.
 *
 * @param registry host and path; empty: the nodes have the image under the project's own name
 */
export function registryRef(name: ImageName, registry: string): string {
  return registry === "" ? imageRef(name) : `${registry.replace(/\/$/, "")}/${imageRef(name)}`;
}

/**
 * What a pod runs: by its content, so that the same content is the same image; by its digest too as soon as it was pushed.
 *
 * @param digests for each pushed image `<tag>@sha256:<digest>`
 * @throws Error where the image was pushed before its sources changed: an old image would run with new configuration
 */
export function podImage(
  name: ImageName,
  registry: string,
  digests: Readonly<Record<string, string>>,
): string {
  const reference = registryRef(name, registry);
  const pushed = digests[name];
  if (pushed === undefined) return reference;
  const [tag, digest] = pushed.split("@");
  if (!reference.endsWith(`:${tag}`))
    throw new Error(
      `dujyo:kubernetes.digests.${name} is of the image with the tag ${tag}, and its sources are now ` +
        `${imageRef(name).split(":")[1]}; push it again: npm run images -- push --stack <stack>`,
    );
  return `${reference}@${digest}`;
}
