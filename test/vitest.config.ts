import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    root: new URL("..", import.meta.url).pathname,
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/{architecture,infra,tools,ops,service}/**/*.test.ts"],
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: "stack",
          include: ["test/stack/**/*.test.ts"],
          globalSetup: ["test/support/running-stack.ts"],
          // One stack serves all files; two that break it at once would see each other's faults.
          fileParallelism: false,
          testTimeout: 180_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
