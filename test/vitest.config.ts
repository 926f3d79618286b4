import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    root: new URL("..", import.meta.url).pathname,
    projects: [
      {
        test: {
          name: "unit",
          include: [
            "test/{architecture,bench,infra,tools,ops,monitoring}/**/*.test.ts",
            "test/service/unit/*.test.ts",
          ],
          testTimeout: 20_000,
          // The default leaves one core out, which is half of a small machine.
          maxWorkers: "100%",
        },
      },
      {
        test: {
          name: "setup",
          // Root, since a file system is mounted and network name spaces are made; no stack.
          include: ["test/setup/**/*.test.ts"],
          testTimeout: 120_000,
        },
      },
      {
        test: {
          name: "browser",
          include: ["test/browser/*.test.ts"],
          globalSetup: ["test/browser/find-browser.ts"],
          testTimeout: 90_000,
          hookTimeout: 90_000,
        },
      },
      {
        test: {
          name: "ledger",
          include: ["test/ledger/**/*.test.ts"],
          globalSetup: ["test/support/scratch-postgres.ts"],
          // Plans and shares of HOT updates are those of a server that does nothing else.
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: "service",
          include: ["test/service/*.test.ts"],
          globalSetup: ["test/support/running-stack.ts", "test/support/stack-instances-away.ts"],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: "linters",
          include: ["test/lint/*.test.ts"],
          globalSetup: ["test/lint/linters.ts"],
          testTimeout: 120_000,
        },
      },
      {
        test: {
          name: "registry",
          include: ["test/registry/*.test.ts"],
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: "cluster",
          include: ["test/cluster/*.test.ts"],
          exclude: ["test/cluster/upgrade.test.ts"],
          globalSetup: ["test/cluster/cluster-stack.ts"],
          // One stack serves all files.
          fileParallelism: false,
          testTimeout: 300_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: "upgrade",
          include: ["test/cluster/upgrade.test.ts"],
          globalSetup: ["test/cluster/cluster-stack.ts"],
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: "backup",
          // Each file brings up the same stack of its own.
          include: ["test/backup/*.test.ts"],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 600_000,
        },
      },
      {
        test: {
          name: "rotation",
          // Brings up a stack of its own; each test has a time limit of its own, too.
          include: ["test/rotation/*.test.ts"],
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
