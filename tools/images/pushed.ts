import { Document, isMap, parseDocument } from "yaml";

/**
 * Notes in a stack file which images were pushed, below `dujyo:kubernetes.digests`; all else, comments too, stays as it is.
 *
 * @param text YAML of `Pulumi.<stack>.yaml`
 * @param digests for each image `<tag>@sha256:<digest>`
 */
export function withDigests(text: string, digests: Readonly<Record<string, string>>): string {
  const document = text.trim() === "" ? new Document({}) : parseDocument(text);
  const path = ["config", "dujyo:kubernetes", "digests"];
  const former = document.getIn(path);
  const kept = isMap(former) ? (former.toJSON() as Record<string, string>) : {};
  const all = Object.entries({ ...kept, ...digests }).sort(([a], [b]) => (a < b ? -1 : 1));
  document.setIn(path, document.createNode(Object.fromEntries(all)));
  // Digests are longer than a line may be.
  return document.toString({ lineWidth: 0 });
}
