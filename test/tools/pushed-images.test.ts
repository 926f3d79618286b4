import { describe, expect, it } from "vitest";
import { imageRef } from "../../infra/images.ts";
import { podImage } from "../../infra/targets/kubernetes/image-reference.ts";
import { withDigests } from "../../tools/images/pushed.ts";

const DIGEST = `sha256:${"a".repeat(64)}`;
const tag = imageRef("redis").split(":")[1] as string;

describe("the image that a pod runs", () => {
  it("is the project's own name where the nodes have it, and the registry's before that", () => {
    expect(podImage("redis", "", {})).toBe(`dujyo/redis:${tag}`);
    expect(podImage("redis", "registry.example/team/", {})).toBe(`registry.example/team/dujyo/redis:${tag}`);
  });

  it("is the pushed one, whatever its tag leads to later", () => {
    expect(podImage("redis", "registry.example", { redis: `${tag}@${DIGEST}` })).toBe(
      `registry.example/dujyo/redis:${tag}@${DIGEST}`,
    );
  });

  it("is refused where it was pushed before its sources changed", () => {
    expect(() => podImage("redis", "registry.example", { redis: `0123456789ab@${DIGEST}` })).toThrow(
      /digests\.redis is of the image with the tag 0123456789ab, and its sources are now [0-9a-f]{12}; push it again/,
    );
  });
});

describe("noting pushed images in a stack file", () => {
  it("keeps comments and settings, and digests of images that were not pushed now", () => {
    const text = `# Production.
config:
  dujyo:target: kubernetes
  dujyo:kubernetes:
    # Ours.
    registry: registry.example
    digests:
      redis: old
      api: ${tag}@${DIGEST}
`;
    expect(withDigests(text, { redis: `${tag}@${DIGEST}`, haproxy: `${tag}@${DIGEST}` })).toBe(`# Production.
config:
  dujyo:target: kubernetes
  dujyo:kubernetes:
    # Ours.
    registry: registry.example
    digests:
      api: ${tag}@${DIGEST}
      haproxy: ${tag}@${DIGEST}
      redis: ${tag}@${DIGEST}
`);
  });

  it("begins the list where there is none", () => {
    expect(withDigests("config:\n  dujyo:target: kubernetes\n", { redis: "x" })).toBe(
      "config:\n  dujyo:target: kubernetes\n  dujyo:kubernetes:\n    digests:\n      redis: x\n",
    );
  });
});
